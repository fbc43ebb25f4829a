//! Pages of the events: nodes and daemons, ownership, groups, orders and refusals.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page(
        "E001",
        [
            "A daemon began a new run.",
            "Boot, upgrade, `systemctl restart`, or the service manager restarted it after a crash.",
            "If nobody restarted it: `journalctl -u DAEMON` around that time.",
        ],
        [
            "守护进程开始新的运行。",
            "开机、升级、`systemctl restart`，或崩溃后由服务管理器重启。",
            "若无人重启它：查看当时的 `journalctl -u 进程名`。",
        ],
    ),
    page(
        "E100",
        [
            "The state of the peer became unknown. Unknown is never read as dead.",
            "Own hbd ended or has just started.",
            "If E123 does not follow: `systemctl status hbd`.",
        ],
        [
            "对方状态变为未知。未知绝不当作失效。",
            "本机 hbd 结束或刚启动。",
            "若随后没有 E123：`systemctl status hbd`。",
        ],
    ),
    page(
        "E101",
        [
            "At least one path carries the peer's heartbeats.",
            "Start of the pair, or a path was repaired.",
            "Nothing. Paths that are still red stand in `hotpair status`.",
        ],
        ["至少一条路径能收到对方的心跳。", "双机启动，或路径修复。", "无须处理。仍为红色的路径见 `hotpair status`。"],
    ),
    page(
        "E102",
        [
            "Every heartbeat path is down, but something of the peer answered the safety check: no failover.",
            "All heartbeat networks cut, a firewall, hbd dead or frozen at the peer.",
            "Repair a heartbeat path; see the rule R430 and `hotpair paths`.",
        ],
        [
            "所有心跳路径中断，但对方有东西回应安全检查：不切换。",
            "所有心跳网络中断、防火墙、对方 hbd 已死或冻结。",
            "修复一条心跳路径；参见规则 R430 和 `hotpair paths`。",
        ],
    ),
    page(
        "E103",
        [
            "No path hears the peer; the safety check is asking or cannot tell.",
            "The peer failed, or everything between the nodes is cut.",
            "Wait for S110, S120 or S130: they say what was found.",
        ],
        [
            "没有路径能听到对方；安全检查正在询问或无法判断。",
            "对方失效，或两节点之间全部中断。",
            "等待 S110、S120 或 S130，它们说明结论。",
        ],
    ),
    page(
        "E104",
        [
            "No path hears the peer and nothing else shows a sign of it. Takeovers follow from here.",
            "Power loss or crash of the peer, or loss of all its networks at once.",
            "Look at the peer's console or power. The events that follow tell what was taken over.",
        ],
        [
            "没有路径能听到对方，也没有其他迹象。接管由此开始。",
            "对方断电、崩溃，或同时失去所有网络。",
            "查看对方的控制台或电源。之后的事件说明接管了什么。",
        ],
    ),
    page(
        "E105",
        [
            "The peer announced that it is leaving, so its silence is no failure.",
            "An orderly stop of hotpair or of the machine there.",
            "Nothing, if that was intended.",
        ],
        ["对方宣告离开，因此其静默不是故障。", "对方正常停止 hotpair 或关机。", "若是有意为之，无须处理。"],
    ),
    page(
        "E110",
        [
            "A run of the peer's arbiter is heard for the first time; both nodes now decide from the same two states.",
            "Start of either arbiterd.",
            "Nothing. Many of these in a row mean that arbiterd restarts again and again there.",
        ],
        [
            "首次听到对方仲裁进程的这次运行；两节点现在依据相同的两份状态作决定。",
            "任一方 arbiterd 启动。",
            "无须处理。若接连出现多次，说明对方 arbiterd 反复重启。",
        ],
    ),
    page(
        "E120",
        [
            "arbiterd lost hbd: nothing is known of the peer, and nothing is concluded from that.",
            "hbd crashed, is being restarted, or hangs.",
            "`systemctl status hbd`. The peer sees the paths go red and asks by the safety check; nothing moves.",
        ],
        [
            "arbiterd 失去 hbd：对对方一无所知，也不据此下结论。",
            "hbd 崩溃、正在重启或挂起。",
            "`systemctl status hbd`。对方会看到路径变红并进行安全检查；不会移动任何东西。",
        ],
    ),
    page(
        "E121",
        [
            "arbiterd lost resd: services go on, but nobody watches or repairs them.",
            "resd crashed, is being restarted (also by a reload), or hangs.",
            "`systemctl status resd`. It adopts what runs when it is back (E124, D102).",
        ],
        [
            "arbiterd 失去 resd：服务继续，但无人监视和修复。",
            "resd 崩溃、正在重启（包括重新加载）或挂起。",
            "`systemctl status resd`。恢复后会接管正在运行的资源（E124、D102）。",
        ],
    ),
    page(
        "E122",
        [
            "resd refused an order of arbiterd; the order in force stays.",
            "Two arbiterds, or a leftover of another boot or version.",
            "Look for a second arbiterd (`pgrep -a arbiterd`); finish an upgrade that is half done.",
        ],
        [
            "resd 拒绝了 arbiterd 的指令；现行指令不变。",
            "存在两个 arbiterd，或来自其他启动、其他版本的残留。",
            "检查是否有第二个 arbiterd（`pgrep -a arbiterd`）；完成未完成的升级。",
        ],
    ),
    page(
        "E123",
        ["hbd answers again.", "It was restarted.", "Nothing. Why it was away: `journalctl -u hbd`."],
        ["hbd 恢复回应。", "它被重启。", "无须处理。原因见 `journalctl -u hbd`。"],
    ),
    page(
        "E124",
        [
            "resd answers again and has looked at what runs.",
            "It was restarted or reloaded.",
            "Nothing. Why it was away: `journalctl -u resd`.",
        ],
        ["resd 恢复回应，并已检查正在运行的内容。", "它被重启或重新加载。", "无须处理。原因见 `journalctl -u resd`。"],
    ),
    page(
        "E130",
        [
            "arbiterd did not run for the time given. The stall is not held against the peer, and own rights are validated afresh.",
            "Too little CPU, a suspended, snapshotted or migrated virtual machine, heavy swapping.",
            "Single ones are harmless. Repeated ones: reserve CPU, avoid memory overcommit, exempt the machine from live migration or lengthen the detection time.",
        ],
        [
            "arbiterd 在给定时间内没有运行。停顿不归咎于对方，并重新确认自身权利。",
            "CPU 不足、虚拟机被挂起、快照或迁移、大量换页。",
            "偶尔一次无害。若反复出现：预留 CPU、避免内存超分、禁止热迁移或延长检测时间。",
        ],
    ),
    page(
        "E140",
        [
            "The state file could not be written: no group can be newly taken until it can.",
            "Disk full, read-only file system, input/output error, wrong permissions.",
            "`df -h /var/lib/hotpair`, `dmesg`. Alarm A140 stands until E141.",
        ],
        [
            "状态文件无法写入：在恢复之前不能接管任何组。",
            "磁盘已满、文件系统只读、读写错误、权限错误。",
            "检查 `df -h /var/lib/hotpair`、`dmesg`。告警 A140 持续到 E141。",
        ],
    ),
    page(
        "E141",
        [
            "The state file can be written again; decisions that waited for it go on.",
            "Space was freed or the disk repaired.",
            "Nothing.",
        ],
        ["状态文件恢复可写；等待中的决定继续。", "腾出了空间或修复了磁盘。", "无须处理。"],
    ),
    page(
        "E150",
        [
            "A new configuration is in force in arbiterd.",
            "`systemctl reload` or SIGHUP.",
            "Reload the other node as well with the same file, or A130 rises.",
        ],
        ["arbiterd 采用了新配置。", "`systemctl reload` 或 SIGHUP。", "在另一节点以相同文件重新加载，否则出现 A130。"],
    ),
    page(
        "E151",
        [
            "A reload was refused; the old configuration stays in force.",
            "The new file has mistakes; they are named in the event.",
            "`hotpair check --config FILE`, correct, reload again. `hotpair check --against-running` shows what a reload would do.",
        ],
        [
            "拒绝了重新加载；继续使用旧配置。",
            "新文件有错误，见事件内容。",
            "`hotpair check --config 文件`，更正后重新加载。`hotpair check --against-running` 可预览效果。",
        ],
    ),
    page(
        "E160",
        [
            "The state file could not be trusted, so this node does not know who owned what and holds until it hears its peer.",
            "Disk damage, a file of another node or a restored backup.",
            "Bring the peer up; this node learns from it. Without a peer a person decides: R347.",
        ],
        [
            "状态文件不可信，因此本机不知道归属，在听到对方之前保持不动。",
            "磁盘损坏、其他节点的文件或恢复的备份。",
            "启动对方，本机会从它得知。若没有对方，由人决定：R347。",
        ],
    ),
    page(
        "E161",
        [
            "The history database was damaged and renamed; event numbers go on growing in a new one.",
            "A power cut on a disk that lies about flushes, disk damage.",
            "No decision depends on it. Check the disk (`smartctl -a`); delete the file put aside when nobody needs it.",
        ],
        [
            "历史数据库损坏并已改名；事件编号在新库中继续增长。",
            "断电而磁盘谎报落盘，或磁盘损坏。",
            "任何决定都不依赖它。检查磁盘（`smartctl -a`）；不再需要时删除改名的文件。",
        ],
    ),
    page(
        "E162",
        [
            "The history cannot be kept on disk; only the newest events are in memory.",
            "Disk full, read-only, or a database written by another version.",
            "Free space or repair the disk; it recovers by itself.",
        ],
        [
            "历史无法保存到磁盘；只在内存中保留最新事件。",
            "磁盘已满、只读，或数据库由其他版本写成。",
            "腾出空间或修复磁盘；会自动恢复。",
        ],
    ),
    page(
        "E200",
        [
            "This node wrote a new epoch durably and owns the group from now on.",
            "A first start, a takeover or a planned move.",
            "Nothing; the rule before it says why.",
        ],
        [
            "本机已将新的 epoch 写入磁盘，从此拥有该组。",
            "首次启动、接管或计划内移动。",
            "无须处理；其前的规则说明原因。",
        ],
    ),
    page(
        "E201",
        [
            "The peer was heard again in the very moment of a takeover. Nothing was started, and the group is given back.",
            "A path that came back, a peer that was only frozen.",
            "Find out why every path was silent for so long: `hotpair explain` of this event.",
        ],
        [
            "正要接管的瞬间又听到对方。没有启动任何东西，服务组交还。",
            "路径恢复，或对方只是被冻结。",
            "查明所有路径为何静默这么久：对该事件执行 `hotpair explain`。",
        ],
    ),
    page(
        "E202",
        [
            "The peer told that it owns the group by a new epoch.",
            "A planned move to it, or a takeover by it while this node was away.",
            "Nothing. How it came to it is in the next event (E248) and in its own `hotpair explain --last`.",
        ],
        [
            "对方告知其以新的 epoch 拥有该组。",
            "计划内移到对方，或本机不在时由对方接管。",
            "无须处理。经过见随后的事件 E248 以及对方的 `hotpair explain --last`。",
        ],
    ),
    page(
        "E210",
        [
            "Both nodes serve the group at this moment; this one yields because its epoch is lower.",
            "A partition without arbitration has healed.",
            "As R210: compare the data of that time, and add a path, a witness or fencing.",
        ],
        [
            "此刻两个节点都在提供该组；本机 epoch 较低，让出。",
            "没有仲裁手段的网络分区恢复。",
            "同 R210：核对该时段的数据，并增加路径、见证或隔离设备。",
        ],
    ),
    page(
        "E231",
        [
            "Confirmed: nothing of the group runs here.",
            "A move, a stop, or resd's first look after a start.",
            "Nothing.",
        ],
        ["已确认：该组在本机没有任何运行。", "移动、停止，或 resd 启动后的首次检查。", "无须处理。"],
    ),
    page(
        "E232",
        [
            "The group's resources are being started here in their order.",
            "A takeover, a move or a boot.",
            "Nothing. A start that takes too long is bounded by `start_timeout` of each resource.",
        ],
        ["正在本机按顺序启动该组的资源。", "接管、移动或开机。", "无须处理。各资源的 `start_timeout` 限定启动时间。"],
    ),
    page(
        "E233",
        [
            "Everything of the group runs here.",
            "A start or a repair has ended well.",
            "Nothing. The events D104 before it say how long each resource took.",
        ],
        ["该组在本机全部运行。", "启动或修复成功结束。", "无须处理。其前的 D104 给出每个资源的用时。"],
    ),
    page(
        "E234",
        [
            "A resource failed and is being restarted on the spot.",
            "The application crashed or its monitor failed; see the event D106 before it.",
            "Look into the application's log. When `restarts` within the window are used up the group moves.",
        ],
        [
            "某资源失败，正在就地重启。",
            "应用崩溃或监测失败；见其前的 D106。",
            "查看应用日志。窗口内 `restarts` 次用完后该组会移动。",
        ],
    ),
    page(
        "E235",
        [
            "The group's resources are being stopped here, in reverse order.",
            "A move, a standby, a yield after a partition, or a lease that ran out.",
            "Nothing; E231 confirms it, E237 says that it could not be confirmed.",
        ],
        [
            "正在本机按相反顺序停止该组的资源。",
            "移动、设为备用、分区后让出，或租约到期。",
            "无须处理；E231 表示确认，E237 表示未能确认。",
        ],
    ),
    page(
        "E236",
        [
            "The group cannot run here: local repair is exhausted, or something is missing.",
            "Named in the event: resource and last error.",
            "Repair it, then `hotpair clear GROUP`. Whether it moved is in the next decision (R320 to R333).",
        ],
        [
            "该组无法在本机运行：就地修复已用尽，或缺少条件。",
            "事件中给出资源和最后的错误。",
            "修复后执行 `hotpair clear 组`。是否移动见随后的决定（R320 至 R333）。",
        ],
    ),
    page(
        "E237",
        [
            "A stop could not be confirmed: something may still run here, and nobody else starts the group.",
            "A hanging process or mount; see D115 to D117.",
            "As R300: stop what is left by hand, then `hotpair clear GROUP`.",
        ],
        [
            "停止未能确认：本机可能仍有残留，其他节点不会启动该组。",
            "进程或挂载挂起；见 D115 至 D117。",
            "同 R300：手动停止残留后执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "E241",
        ["The peer told that nothing of the group runs there any more.", "It moved, or was stopped there.", "Nothing."],
        ["对方告知该组在那里已不再运行。", "已移动，或在那里停止。", "无须处理。"],
    ),
    page(
        "E242",
        [
            "The peer told that it is starting the group.",
            "A takeover by the peer or a planned move to it.",
            "Nothing; E243 follows.",
        ],
        ["对方告知正在启动该组。", "对方接管或计划内移到对方。", "无须处理；随后是 E243。"],
    ),
    page(
        "E243",
        [
            "The peer told that everything of the group runs there.",
            "A takeover by the peer or a planned move to it has ended well.",
            "Nothing.",
        ],
        ["对方告知该组在那里全部运行。", "对方接管或计划内移动成功结束。", "无须处理。"],
    ),
    page(
        "E244",
        [
            "The peer told that it is repairing the group on the spot.",
            "A resource failed there.",
            "`hotpair events` on the peer names the resource. If repair fails the group comes here.",
        ],
        [
            "对方告知正在就地修复该组。",
            "那里的某资源失败。",
            "对方的 `hotpair events` 给出资源。若修复失败，该组会移到本机。",
        ],
    ),
    page(
        "E245",
        [
            "The peer told that it is stopping the group.",
            "A planned move, or a failure there.",
            "Nothing; E241 follows.",
        ],
        ["对方告知正在停止该组。", "计划内移动，或那里发生故障。", "无须处理；随后是 E241。"],
    ),
    page(
        "E246",
        [
            "The peer told that the group cannot run there.",
            "Local repair there is exhausted, or something is missing there.",
            "`hotpair explain --why-not GROUP` on the peer; repair, then `hotpair clear GROUP`.",
        ],
        [
            "对方告知该组无法在那里运行。",
            "那里的就地修复已用尽，或缺少条件。",
            "在对方执行 `hotpair explain --why-not 组`；修复后执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "E247",
        [
            "The peer told that a stop there could not be confirmed; this node does not start the group.",
            "A hanging process or mount there.",
            "On the peer, stop what is left by hand, then `hotpair clear GROUP`; see A210.",
        ],
        [
            "对方告知那里的停止未能确认；本机不会启动该组。",
            "那里的进程或挂载挂起。",
            "在对方手动停止残留后执行 `hotpair clear 组`；见 A210。",
        ],
    ),
    page(
        "E248",
        [
            "What the peer told of how it came to have the group: when, by which rule, and how long the start took.",
            "This node was away, or the group was moved there.",
            "Nothing. All the details are in the peer's own history.",
        ],
        [
            "对方告知其如何得到该组：时间、依据的规则、启动用时。",
            "本机当时不在，或该组被移到对方。",
            "无须处理。全部细节在对方自己的历史中。",
        ],
    ),
    page(
        "E500",
        [
            "A person or program ordered a move; the name is recorded.",
            "`hotpair switchover` or the API.",
            "Nothing; R322, R310 and E233 follow.",
        ],
        ["有人或程序下令移动；记录了名称。", "`hotpair switchover` 或 API。", "无须处理；随后是 R322、R310 和 E233。"],
    ),
    page(
        "E501",
        ["Step of a plan: first the stop, and its confirmation.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：先停止并确认。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E502",
        ["Step of a plan: then the other node takes the group.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：随后由另一节点接管。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E503",
        ["Step of a plan: then it is started there.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：然后在那里启动。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E504",
        [
            "The group is frozen against automatic moves; an order of a person moves it nevertheless.",
            "`hotpair freeze` stands.",
            "Nothing. The freeze goes on at the new place.",
        ],
        [
            "该组已冻结，不会自动移动；但人的命令仍会移动它。",
            "存在 `hotpair freeze`。",
            "无须处理。冻结在新位置继续有效。",
        ],
    ),
    page(
        "E505",
        [
            "A move was ordered but not done within a minute; the order is forgotten, so that it cannot strike later by surprise.",
            "The peer became not ready or fell silent after the order.",
            "See the decision of that time, repair, and order it again.",
        ],
        [
            "下令的移动一分钟内未完成；命令作废，以免之后突然生效。",
            "下令后对方变为未就绪或静默。",
            "查看当时的决定，修复后重新下令。",
        ],
    ),
    page(
        "E511",
        [
            "Automatic moves of the group are forbidden for a time.",
            "`hotpair freeze`.",
            "It ends by itself; `hotpair freeze GROUP --off` ends it at once.",
        ],
        [
            "在一段时间内禁止该组自动移动。",
            "执行了 `hotpair freeze`。",
            "到期自动结束；`hotpair freeze 组 --off` 立即结束。",
        ],
    ),
    page(
        "E512",
        [
            "The freeze was ended by a person.",
            "`hotpair freeze --off`.",
            "Nothing. A move that the freeze held back happens now.",
        ],
        ["有人解除了冻结。", "执行了 `hotpair freeze --off`。", "无须处理。被冻结阻止的移动现在会进行。"],
    ),
    page(
        "E521",
        [
            "hotpair touches the group no more for a time: no start, stop, repair or move.",
            "`hotpair maintenance`.",
            "It ends by itself; `hotpair maintenance GROUP --off` ends it at once.",
        ],
        [
            "在一段时间内 hotpair 不触碰该组：不启动、停止、修复或移动。",
            "执行了 `hotpair maintenance`。",
            "到期自动结束；`hotpair maintenance 组 --off` 立即结束。",
        ],
    ),
    page(
        "E522",
        [
            "Maintenance was ended by a person; hotpair judges the group again.",
            "`hotpair maintenance --off`.",
            "See `hotpair status`: what was left stopped by hand is started again.",
        ],
        [
            "有人结束了维护；hotpair 重新管理该组。",
            "执行了 `hotpair maintenance --off`。",
            "查看 `hotpair status`：手动停止的内容会被重新启动。",
        ],
    ),
    page(
        "E530",
        ["A node was put in standby.", "`hotpair standby`.", "`hotpair online NODE` when the work is done."],
        ["某节点被设为备用。", "执行了 `hotpair standby`。", "完成后执行 `hotpair online 节点`。"],
    ),
    page(
        "E531",
        ["A node was put online.", "`hotpair online`.", "Nothing moves by this alone."],
        ["某节点被设为在线。", "执行了 `hotpair online`。", "仅此不会移动任何东西。"],
    ),
    page(
        "E532",
        ["Step of a plan: what standby does.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：备用的效果。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E533",
        ["Step of a plan: what online does.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：在线的效果。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E540",
        ["Step of a plan: what clear does.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：清除的效果。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E541",
        [
            "A person cleared failures, counted moves and holds of the group.",
            "`hotpair clear`.",
            "Watch whether it fails again: `hotpair events --follow -g GROUP`.",
        ],
        [
            "有人清除了该组的失败、移动计数和保持。",
            "执行了 `hotpair clear`。",
            "观察是否再次失败：`hotpair events --follow -g 组`。",
        ],
    ),
    page(
        "E550",
        [
            "Step of a plan: what vouching states.",
            "Answer to an order or a dry run.",
            "Only give it for a machine that is really off.",
        ],
        ["计划的一步：担保的内容。", "命令或演练的回答。", "只对确实断电的机器担保。"],
    ),
    page(
        "E551",
        ["Step of a plan: a group that would be taken.", "Answer to an order or a dry run.", "Nothing."],
        ["计划的一步：将被接管的组。", "命令或演练的回答。", "无须处理。"],
    ),
    page(
        "E552",
        [
            "A person vouched that the peer is powered off; name and reason are recorded. The peer's groups are taken without further proof.",
            "`hotpair vouch-peer-off`.",
            "If the statement was wrong: cut the peer's power at once. The vouching ends when the peer is heard.",
        ],
        [
            "有人担保对方已断电；记录了姓名和原因。无须其他证据即接管对方的组。",
            "执行了 `hotpair vouch-peer-off`。",
            "若担保有误：立即切断对方电源。听到对方时担保即失效。",
        ],
    ),
    page(
        "E701",
        [
            "An order named a group that does not exist.",
            "A typing mistake, or a configuration that was not reloaded.",
            "`hotpair status` lists the groups.",
        ],
        ["命令中的服务组不存在。", "输入错误，或配置未重新加载。", "`hotpair status` 列出服务组。"],
    ),
    page(
        "E702",
        [
            "The group's `nodes` do not contain that node.",
            "A group of one node, or a typing mistake.",
            "Add the node to `nodes` on both nodes and reload.",
        ],
        ["该组的 `nodes` 不含该节点。", "单节点的组，或输入错误。", "在两个节点上将其加入 `nodes` 并重新加载。"],
    ),
    page(
        "E703",
        ["The group is there already.", "The order was given twice, or the group has moved by itself.", "Nothing."],
        ["该组已在那里。", "重复下令，或该组已自行移动。", "无须处理。"],
    ),
    page(
        "E704",
        ["A group in maintenance is not moved.", "`hotpair maintenance` stands.", "End it first, then move."],
        ["维护中的组不移动。", "存在 `hotpair maintenance`。", "先结束维护，再移动。"],
    ),
    page(
        "E705",
        [
            "A planned move needs the word of both arbiters, and the other one is not heard.",
            "Every path is down, or arbiterd is dead there.",
            "`hotpair paths`; on the peer `systemctl status arbiterd`.",
        ],
        [
            "计划内移动需要双方仲裁进程，但听不到对方的。",
            "所有路径中断，或对方 arbiterd 已死。",
            "`hotpair paths`；在对方执行 `systemctl status arbiterd`。",
        ],
    ),
    page(
        "E706",
        [
            "With different configurations nothing is moved.",
            "A file was changed on one node only.",
            "Make the files equal and reload both.",
        ],
        ["配置不同时不移动。", "只修改了一个节点的文件。", "使文件一致并重新加载两边。"],
    ),
    page(
        "E707",
        ["The target node is in standby.", "`hotpair standby` stands there.", "`hotpair online NODE`, then ask again."],
        ["目标节点处于备用。", "那里存在 `hotpair standby`。", "执行 `hotpair online 节点` 后重试。"],
    ),
    page(
        "E708",
        [
            "The target node lacks something, or the group failed there before.",
            "Named in the sentence.",
            "Repair it; after a failure also `hotpair clear GROUP`.",
        ],
        ["目标节点缺少条件，或该组曾在那里失败。", "见提示。", "修复；若曾失败，还须执行 `hotpair clear 组`。"],
    ),
    page(
        "E711",
        [
            "Vouching needs the peer's exact name, so that it is not given by habit.",
            "A typing mistake, or the command was given on the wrong node.",
            "Check on which node you are; type the peer's name.",
        ],
        [
            "担保需要输入对方的准确名称，以免随手执行。",
            "输入错误，或在错误的节点上执行。",
            "确认所在节点；输入对方名称。",
        ],
    ),
    page(
        "E712",
        [
            "Vouching needs a reason.",
            "`--reason` was empty.",
            "Say how you made sure, as in `--reason 'unplugged both power cords'`.",
        ],
        ["担保需要原因。", "`--reason` 为空。", "说明如何确认，例如 `--reason '已拔掉两根电源线'`。"],
    ),
    page(
        "E713",
        [
            "The peer is heard, so it cannot be powered off.",
            "The wrong node, or the wrong machine was switched off.",
            "Check which machine is really off.",
        ],
        ["能听到对方，因此它没有断电。", "节点弄错，或关错了机器。", "确认究竟哪台机器断电。"],
    ),
    page(
        "E714",
        [
            "Something of the peer answers, so it is not powered off.",
            "It hangs or lost its heartbeat paths only.",
            "Power it off for real (power button, management board, plug), then ask again.",
        ],
        [
            "对方有东西回应，因此没有断电。",
            "它只是挂起或失去心跳路径。",
            "真正切断电源（电源键、管理口、拔插头）后再试。",
        ],
    ),
    page(
        "E715",
        [
            "This node stood still for a moment, and a word that waited in it may be older than what happened meanwhile.",
            "The machine was paused or suspended, or starved of processor time, while the command was on its way.",
            "Make sure once more that the peer is off, and ask again: after a second the node has looked for itself.",
        ],
        [
            "本节点曾短暂停顿，停顿期间等待的命令可能已经过时。",
            "命令途中机器被暂停、挂起，或得不到处理器时间。",
            "再次确认对方确已断电，然后重试：一秒后本节点已自行查看过。",
        ],
    ),
];
