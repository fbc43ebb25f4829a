//! Pages of the rules of a group that this node looks after: holding still, handing over, starting and running.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page(
        "R100",
        [
            "Without resd's view nobody knows what runs here, so nothing is started or stopped.",
            "resd has just started and is still looking at its resources; resd has died or hangs; arbiterd may not open its socket.",
            "Wait a few seconds after a start. If it stays: `systemctl status resd`, `journalctl -u resd`. Services that run go on running meanwhile.",
        ],
        [
            "没有 resd 的视图就无法知道本机在运行什么，因此既不启动也不停止。",
            "resd 刚启动，仍在检查资源；resd 已死或挂起；arbiterd 无法打开其套接字。",
            "刚启动时请等待几秒。若持续：`systemctl status resd`、`journalctl -u resd`。此间正在运行的服务继续运行。",
        ],
    ),
    page(
        "R110",
        [
            "A person took the group out of hotpair's hands: it is watched, but neither started, stopped, repaired nor moved.",
            "`hotpair maintenance` was given on either node.",
            "Finish the work, make sure that the group runs where hotpair left it, then `hotpair maintenance GROUP --off`. It ends by itself when its time is over.",
        ],
        [
            "有人把该组置于维护：只观察，不启动、不停止、不修复、不移动。",
            "在任一节点上执行过 `hotpair maintenance`。",
            "完成工作并确认服务组仍在原处运行，然后执行 `hotpair maintenance 组 --off`。到期也会自动结束。",
        ],
    ),
    page(
        "R120",
        [
            "This process did not run for a while. Before it acts on old knowledge it reads what arrived meanwhile and makes sure that it still owns the group.",
            "CPU starvation, a suspended or migrated virtual machine, SIGSTOP, heavy swapping.",
            "Usually over within a second. If it comes often: look at load and steal time, give the machine reserved CPU, see `hotpair events` for E130.",
        ],
        [
            "本进程曾一段时间没有运行。在依据旧信息行动之前，先读取期间到达的消息并确认自己仍拥有该组。",
            "CPU 不足、虚拟机被挂起或迁移、SIGSTOP、大量换页。",
            "通常一秒内结束。若频繁出现：检查负载与 steal 时间，为虚拟机预留 CPU，查看事件 E130。",
        ],
    ),
    page(
        "R130",
        [
            "The new epoch is on its way to the disk. Nothing starts before it is durable, so that a crash cannot forget who owned the group.",
            "A takeover or hand-over has just been decided.",
            "Nothing, if it lasts milliseconds. If it stays, the disk of the state directory is slow: see A140, `iostat -x 1`.",
        ],
        [
            "新的 epoch 正在写入磁盘。落盘之前不启动任何东西，以免崩溃后忘记归属。",
            "刚刚决定了接管或交接。",
            "若只持续几毫秒则无须处理。若持续存在，说明状态目录所在磁盘缓慢：见 A140，用 `iostat -x 1` 检查。",
        ],
    ),
    page(
        "R200",
        [
            "The peer took the group by a higher epoch while it was still up here, and hands it back instead of starting it twice.",
            "A partition healed, or the peer took over just before this node was heard again.",
            "Nothing to do for the service. Read `hotpair explain --last` on the peer to learn why it took the group.",
        ],
        [
            "对方以更高的 epoch 接管时本机仍在运行该组；对方现在把它交还，而不是重复启动。",
            "网络分区恢复；或对方在重新听到本机之前刚刚接管。",
            "服务本身无须处理。在对方执行 `hotpair explain --last` 了解其接管原因。",
        ],
    ),
    page(
        "R205",
        [
            "As R200, but this node cannot confirm its ownership yet, so everything stays as it is for the moment.",
            "The state file cannot be written, or the peer's newest word has not arrived.",
            "If it lasts longer than a few seconds, look for A140 (state file) and A122 (the peer's arbiter).",
        ],
        [
            "同 R200，但本机暂时无法确认归属，因此先保持现状。",
            "状态文件无法写入，或尚未收到对方最新的消息。",
            "若持续数秒以上，查看 A140（状态文件）和 A122（对方仲裁进程）。",
        ],
    ),
    page(
        "R210",
        [
            "The worst case: both nodes served the group. The higher epoch wins, the other node stops at once.",
            "Every path and every network between the nodes was cut while both lived, and no arbitration (lease, disk, witness, fencing) stood in between.",
            "1. Note the times: `hotpair explain EVENT` on both nodes. 2. Compare what clients and applications wrote on each side in between. 3. Prevent it: a path over another medium, a witness or fencing, and `require` at the group.",
        ],
        [
            "最坏情况：两个节点都提供过该组。epoch 较高者保留，另一方立即停止。",
            "两节点都存活，但它们之间的所有路径和网络同时中断，且没有仲裁手段（租约、磁盘、见证、隔离）。",
            "1. 在两个节点上用 `hotpair explain 事件` 记下时间。2. 核对此间客户端和应用在两边写入的数据。3. 预防：增加不同介质的路径、见证或隔离设备，并为该组设置 `require`。",
        ],
    ),
    page(
        "R220",
        [
            "The peer told of a higher epoch of its own, so this node's right to the group has ended and it stops it.",
            "A takeover by the peer while this node was cut off, frozen or restarting.",
            "Wait for E231 (stopped). If stopping fails see A203. `hotpair explain --last` on the peer tells why it took over.",
        ],
        [
            "对方告知其拥有更高的 epoch，本机的权利已终止，因此停止该组。",
            "本机被隔断、冻结或重启期间，对方接管了该组。",
            "等待 E231（已停止）。若停止失败见 A203。在对方执行 `hotpair explain --last` 查看其接管原因。",
        ],
    ),
    page(
        "R300",
        [
            "Something of the group may still run here. Until that is certain, neither node starts it: two copies would be worse than none.",
            "A process that ignores SIGKILL (waits for a disk or NFS), a file system that stays busy, a stop script that fails.",
            "Find what is left: `hotpair status`, `ps`, `findmnt`, `ip addr`. Stop or unmount it by hand, then `hotpair clear GROUP`; or restart this node. With `on_stop_failure = \"self-fence\"` hotpair restarts the node by itself.",
        ],
        [
            "该组可能仍有残留在本机运行。在确认之前，两个节点都不启动它：两份同时运行比没有更糟。",
            "进程对 SIGKILL 无反应（等待磁盘或 NFS）、文件系统一直忙、停止脚本失败。",
            "用 `hotpair status`、`ps`、`findmnt`、`ip addr` 找出残留，手动停止或卸载后执行 `hotpair clear 组`；或重启本机。设置 `on_stop_failure = \"self-fence\"` 可由 hotpair 自动重启节点。",
        ],
    ),
    page(
        "R310",
        [
            "The planned move is half done: it is confirmed that nothing runs here, and the peer may take it.",
            "A switchover, a standby, a failback, or a failure that makes it move.",
            "Nothing: the peer answers within a second. See R315 if it does not.",
        ],
        [
            "计划内移动进行到一半：已确认本机没有运行，对方可以接管。",
            "切换、设为备用、回切，或因故障而移动。",
            "无须处理：对方通常一秒内接管。若没有接管见 R315。",
        ],
    ),
    page(
        "R311",
        [
            "The group is being stopped here because it moves to the peer.",
            "A switchover, a standby, a failback, or a failure that makes it move.",
            "Wait. If it takes long, `hotpair status` shows which resource is stopping; its `stop_timeout` bounds it.",
        ],
        [
            "因为要移到对方，正在本机停止该组。",
            "切换、设为备用、回切，或因故障而移动。",
            "等待。若时间较长，`hotpair status` 显示正在停止的资源；上限是其 `stop_timeout`。",
        ],
    ),
    page(
        "R312",
        [
            "The peer went silent before anything was offered to it, so this node keeps the group and starts it again.",
            "The peer failed or lost its paths in the middle of a planned move.",
            "See why the peer is silent (`hotpair paths`), repair it, then ask for the move again.",
        ],
        [
            "在发出交接之前对方静默，因此本机保留该组并重新启动。",
            "计划内移动途中对方故障或失去路径。",
            "查明对方为何静默（`hotpair paths`），修复后再次下令移动。",
        ],
    ),
    page(
        "R313",
        [
            "The group was offered, then the peer fell silent and shows no sign of life: this node takes it back with a new epoch.",
            "The peer lost power or crashed in the middle of a hand-over.",
            "Bring the peer back; it will not steal the group. Nothing else to do.",
        ],
        [
            "已发出交接，随后对方静默且没有任何迹象：本机以新的 epoch 收回。",
            "交接途中对方断电或崩溃。",
            "恢复对方即可，它不会抢走该组。无须其他处理。",
        ],
    ),
    page(
        "R314",
        [
            "The group was offered and may have been taken. Starting it here could make two copies, so nobody starts it on doubt.",
            "All paths were cut in the middle of a hand-over while the peer lives, or the safety check cannot ask.",
            "Restore a path, or look at the peer with your own eyes. Only if it is powered off: `hotpair vouch-peer-off PEER`.",
        ],
        [
            "已发出交接，对方可能已经接管。在本机启动可能造成两份，因此存疑时不启动。",
            "交接途中所有路径中断而对方仍存活，或安全检查无法询问。",
            "恢复一条路径，或亲自查看对方。只有确认断电后才执行 `hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R315",
        [
            "The peer does not take what was offered, so this node takes the offer back and will run the group again.",
            "The peer became not ready (missing device, network, program), went into standby, or its arbiter hangs.",
            "`hotpair explain --why-not GROUP` names what is missing at the peer. Repair that, then ask for the move again.",
        ],
        [
            "对方没有接管，因此本机收回交接并将重新运行该组。",
            "对方变为未就绪（缺设备、网络、程序）、被设为备用，或其仲裁进程挂起。",
            "`hotpair explain --why-not 组` 说明对方缺少什么。修复后再次下令移动。",
        ],
    ),
    page(
        "R316",
        [
            "The offer stands; the peer writes its epoch and starts.",
            "Any planned move passes through here.",
            "Nothing. After some seconds without an answer the offer is withdrawn (R315).",
        ],
        [
            "交接已发出；对方正在写入其 epoch 并启动。",
            "任何计划内移动都会经过此步。",
            "无须处理。若数秒内没有回应，会自动收回（R315）。",
        ],
    ),
    page(
        "R317",
        [
            "The offer is withdrawn, but the peer might have taken it in the same instant. This node starts again only when the peer has seen the withdrawal.",
            "The peer was not ready, or did not take the group in time.",
            "Nothing while paths live. If every path is cut now, see R314.",
        ],
        [
            "交接已撤回，但对方可能恰好已接管。只有当对方看到撤回之后本机才重新启动。",
            "对方未就绪，或没有及时接管。",
            "路径正常时无须处理。若此时所有路径中断，见 R314。",
        ],
    ),
    page(
        "R320",
        [
            "Restarts on the spot are used up, and the peer is ready: the group moves there.",
            "The application crashes at start, its data or configuration is broken, a limit of the machine (memory, disk) is reached.",
            "The sentence names the resource and its last error. Repair it on this node and `hotpair clear GROUP`, so that this node can be a standby again.",
        ],
        [
            "就地重启次数已用完，且对方就绪：该组移到对方。",
            "应用启动即崩溃、数据或配置损坏、机器资源（内存、磁盘）耗尽。",
            "提示中给出了资源及其最后的错误。在本机修复后执行 `hotpair clear 组`，使本机重新成为备用。",
        ],
    ),
    page(
        "R321",
        [
            "The service network failed here and works at the peer, so clients are better served there.",
            "Cable, switch port, bond or network card of this node; an address conflict.",
            "Look at the interface named (`ip -s link`), cable and switch port. When it works again the group stays at the peer unless failback is automatic.",
        ],
        [
            "本机的业务网络失效而对方正常，移过去对客户端更好。",
            "本机的网线、交换机端口、bond 或网卡；地址冲突。",
            "检查所述网卡（`ip -s link`）、网线和交换机端口。恢复后，除非配置了自动回切，该组留在对方。",
        ],
    ),
    page(
        "R322",
        [
            "Somebody ordered the move.",
            "`hotpair switchover` on either node, or the same call of the API.",
            "Nothing. Who and when is in the event before it (E500).",
        ],
        [
            "有人下令移动。",
            "在任一节点上执行了 `hotpair switchover`，或 API 的同名调用。",
            "无须处理。下令者与时间见其前的事件 E500。",
        ],
    ),
    page(
        "R323",
        [
            "This node was put in standby, so it gives away what it runs.",
            "`hotpair standby`, usually before maintenance of the machine.",
            "When the work is done: `hotpair online NODE`. Groups do not come back by that alone.",
        ],
        [
            "本机被设为备用，因此交出正在运行的服务组。",
            "执行了 `hotpair standby`，通常用于机器维护之前。",
            "完成后执行 `hotpair online 节点`。服务组不会仅因此自动回来。",
        ],
    ),
    page(
        "R324",
        [
            "`failback = \"auto\"`: the preferred node has been ready for the configured time, so the group returns.",
            "The preferred node came back after a failure.",
            "If you would rather choose the moment yourself, set `failback = \"manual\"`; `hotpair freeze GROUP --for 8h` stops it for a working day.",
        ],
        [
            "`failback = \"auto\"`：首选节点已就绪达到设定时间，因此移回。",
            "首选节点故障后恢复。",
            "若希望自己选择时机，设置 `failback = \"manual\"`；`hotpair freeze 组 --for 8h` 可在一个工作日内阻止回切。",
        ],
    ),
    page(
        "R325",
        [
            "This node owns the group but lacks something it needs, and the peer has it.",
            "A device, program, interface or mount point is missing on this node, often after an update or a swapped disk.",
            "Provide what the sentence names. The peer serves meanwhile.",
        ],
        [
            "本机拥有该组但缺少所需条件，而对方具备。",
            "本机缺少设备、程序、网卡或挂载点，常见于升级或更换磁盘之后。",
            "补齐提示所述内容。此间由对方提供服务。",
        ],
    ),
    page(
        "R330",
        [
            "It failed here, and within the move window it has moved so often that another move would be ping-pong. It is tried here only.",
            "The fault travels with the group: damaged data, a full volume, a wrong configuration, an overloaded service.",
            "Repair the cause on either node, then `hotpair clear GROUP` lets it move and restart again.",
        ],
        [
            "它在本机失败，且在窗口时间内移动次数过多，再移动只会来回跳动，因此只在本机重试。",
            "故障随服务组迁移：数据损坏、卷已满、配置错误、服务过载。",
            "在任一节点上排除原因，然后执行 `hotpair clear 组` 允许再次移动和重启。",
        ],
    ),
    page(
        "R331",
        [
            "It failed here; a freeze forbids the move that would help.",
            "`hotpair freeze` stands, often forgotten after planned work.",
            "`hotpair freeze GROUP --off` moves it to a ready peer at once; or repair it here and `hotpair clear GROUP`.",
        ],
        [
            "它在本机失败；冻结禁止了本可奏效的移动。",
            "存在 `hotpair freeze`，常是计划工作后忘记解除。",
            "`hotpair freeze 组 --off` 会立即移到就绪的对方；或在本机修复后执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "R332",
        [
            "The service network failed on both nodes, so a move would change nothing but cost an interruption.",
            "The common switch, router or VLAN is down; the reference hosts of `reachability` are down.",
            "Repair the switch. Check that the addresses in `reachability` are ones that should always answer.",
        ],
        [
            "两个节点的业务网络都失效，移动毫无益处，只会造成中断。",
            "共用的交换机、路由器或 VLAN 故障；`reachability` 中的主机故障。",
            "修复交换机。确认 `reachability` 中的地址确实应始终有应答。",
        ],
    ),
    page(
        "R333",
        [
            "It failed here and the peer cannot take it: there is no place left to run it. Starts are tried here at growing intervals.",
            "The peer is away, in standby, not ready, or it failed there too.",
            "The sentence names both causes. Repair the easier one first, then `hotpair clear GROUP`.",
        ],
        [
            "它在本机失败，对方也无法接管：没有可运行之处。本机会以递增的间隔重试。",
            "对方不在、备用、未就绪，或在那里也失败过。",
            "提示给出了两边的原因。先修复容易的一边，然后执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "R339",
        [
            "This node has the newer right, but the group is or may be up at the peer. It is started here only when the peer has stopped it.",
            "A partition healed; the peer is yielding, or its resd does not answer.",
            "If it lasts longer than the stop times: on the peer `systemctl status resd`, `hotpair status`.",
        ],
        [
            "本机拥有较新的权利，但该组在对方正在或可能在运行。对方停止后本机才启动。",
            "网络分区恢复；对方正在让出，或其 resd 没有回应。",
            "若超过停止时限：在对方执行 `systemctl status resd`、`hotpair status`。",
        ],
    ),
    page(
        "R340",
        ["The normal state at the owner.", "Everything is as it should be.", "Nothing."],
        ["拥有者的正常状态。", "一切正常。", "无须处理。"],
    ),
    page(
        "R341",
        [
            "This node looks after the group but must not host it.",
            "It is in standby, or not listed in the group's `nodes`.",
            "`hotpair online NODE`, or bring up the other node.",
        ],
        [
            "该组归本机负责，但本机不允许承载它。",
            "本机处于备用状态，或不在该组的 `nodes` 中。",
            "执行 `hotpair online 节点`，或启动另一节点。",
        ],
    ),
    page(
        "R342",
        [
            "This node should start the group and lacks something, and no other node can take it.",
            "A device, program, interface or mount point is missing; the disk lease is held by the peer.",
            "Provide what the sentence names; the start follows by itself.",
        ],
        [
            "本机应当启动该组但缺少条件，也没有其他节点可以接管。",
            "缺少设备、程序、网卡或挂载点；磁盘租约由对方持有。",
            "补齐提示所述内容；之后会自动启动。",
        ],
    ),
    page(
        "R343",
        [
            "With different configurations the nodes might disagree on what the group is. What runs goes on; nothing new is started.",
            "A file was changed on one node only, or one daemon was not reloaded.",
            "`hotpair check --against-running FILE` on both nodes, make the files equal, `systemctl reload hotpair.target` on both.",
        ],
        [
            "配置不同时，两节点对该组的理解可能不一致。正在运行的继续；不启动新的。",
            "只在一个节点上修改了文件，或有进程没有重新加载。",
            "在两个节点上执行 `hotpair check --against-running 文件`，使文件一致，然后都执行 `systemctl reload hotpair.target`。",
        ],
    ),
    page(
        "R344",
        [
            "The group was never owned by anybody. Taking it needs a durable epoch, and the state file cannot be written.",
            "The file system of the state directory is full, read-only or broken.",
            "`df -h /var/lib/hotpair`, `dmesg`. It starts by itself when the file can be written.",
        ],
        [
            "该组从未被拥有。首次接管需要写入 epoch，而状态文件无法写入。",
            "状态目录所在文件系统已满、只读或损坏。",
            "检查 `df -h /var/lib/hotpair`、`dmesg`。可写之后会自动启动。",
        ],
    ),
    page(
        "R345",
        [
            "This node owns the group, and nothing stands against starting it.",
            "After boot, after a takeover, or after a planned move.",
            "Nothing; E233 says when everything runs.",
        ],
        ["本机拥有该组，且没有障碍，正在启动。", "开机、接管或计划内移动之后。", "无须处理；E233 表示全部运行。"],
    ),
    page(
        "R346",
        [
            "Just booted: for `boot.wait` this node listens for its peer before it starts anything alone.",
            "Both nodes were started together, or the peer is off.",
            "Wait. If the peer is known to be off and you are in a hurry: `hotpair vouch-peer-off PEER`.",
        ],
        [
            "刚启动：在 `boot.wait` 期间先听对方，再决定是否单独启动。",
            "两个节点同时开机，或对方已关机。",
            "等待。若确知对方已断电且情况紧急：`hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R347",
        [
            "`boot.alone = \"never\"`: a node that has not heard its peer since boot starts nothing.",
            "The peer is off, or every path is cut; also used after an unreadable state file (E160).",
            "Bring the peer up, or, if it is powered off, `hotpair vouch-peer-off PEER`.",
        ],
        [
            "`boot.alone = \"never\"`：开机后未听到对方的节点不启动任何组。",
            "对方关机或所有路径中断；状态文件不可读（E160）后也按此处理。",
            "启动对方；若对方确已断电，执行 `hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R348",
        [
            "Heartbeats are gone but the peer lives and may be serving: starting here could make two copies.",
            "All heartbeat paths are cut or blocked by a firewall; hbd is dead at the peer.",
            "`hotpair paths` names the cause per path. Repair one path; everything else follows.",
        ],
        [
            "心跳消失但对方仍存活，可能正在提供服务：在本机启动会造成两份。",
            "所有心跳路径中断或被防火墙拦截；对方的 hbd 已死。",
            "`hotpair paths` 给出每条路径的原因。修复一条路径，其余会自动恢复。",
        ],
    ),
    page(
        "R349",
        [
            "This node hears nothing because it is cut off itself; its silence says nothing about the peer.",
            "Own cable, switch port or network card; a wrong reference address.",
            "Look at the carriers (`ip -br link`) and the reference addresses in the configuration.",
        ],
        [
            "本机听不到任何东西是因为自身被隔断；静默不能说明对方的状态。",
            "本机网线、交换机端口或网卡；参考地址配置错误。",
            "检查载波（`ip -br link`）以及配置中的参考地址。",
        ],
    ),
    page(
        "R350",
        [
            "The peer is silent and the safety check is still asking.",
            "The first second after all paths went down.",
            "Wait a moment; `hotpair status` shows the rounds.",
        ],
        ["对方静默，安全检查仍在询问。", "所有路径中断后的最初一秒。", "稍等；`hotpair status` 显示轮次。"],
    ),
    page(
        "R351",
        [
            "Heartbeats arrive, but the peer's arbiter has not yet said what it owns.",
            "The first second after a start; or arbiterd is dead at the peer (A122).",
            "If it stays: on the peer `systemctl status arbiterd`.",
        ],
        [
            "能收到心跳，但对方仲裁进程尚未说明其归属。",
            "启动后的最初一秒；或对方的 arbiterd 已死（A122）。",
            "若持续：在对方执行 `systemctl status arbiterd`。",
        ],
    ),
    page(
        "R352",
        [
            "hbd has not judged its paths yet, or is away.",
            "The first moment after a start; hbd is dead (A120).",
            "If it stays: `systemctl status hbd`.",
        ],
        ["hbd 尚未判定路径，或不在。", "刚启动的瞬间；hbd 已死（A120）。", "若持续：`systemctl status hbd`。"],
    ),
];
