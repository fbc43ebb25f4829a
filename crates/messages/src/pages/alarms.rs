//! Pages of the standing alarms.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page(
        "A101",
        [
            "This node hears nothing on that path. The other paths carry on: service is not affected, redundancy is.",
            "Own port without carrier, cable, switch, firewall, or hbd dead at the peer; the sentence names what is known.",
            "`hotpair paths` shows cause and counters of both directions. On a serial line: cable, baud rate, another program on the tty.",
        ],
        [
            "本机在该路径上收不到心跳。其他路径继续工作：服务不受影响，冗余减少。",
            "本机端口无载波、网线、交换机、防火墙，或对方 hbd 已死；提示给出已知原因。",
            "`hotpair paths` 显示两个方向的原因与计数。串口请检查线缆、波特率以及是否有其他程序占用 tty。",
        ],
    ),
    page(
        "A102",
        [
            "The path works in one direction only: the peer does not hear this node on it.",
            "A firewall at the peer or on the way, a broken transmit wire, asymmetric routing, a wrong key at the peer.",
            "On the peer: `hotpair paths` and its dropped counters; `tcpdump` on that port shows whether frames arrive.",
        ],
        [
            "该路径只有一个方向可用：对方在此路径上听不到本机。",
            "对方或途中的防火墙、发送线损坏、非对称路由、对方密钥错误。",
            "在对方查看 `hotpair paths` 及其丢弃计数；用 `tcpdump` 确认该端口是否收到报文。",
        ],
    ),
    page(
        "A103",
        [
            "No heartbeat path is left, yet the peer lives. Nothing moves; but if the peer fails now, only the safety check can tell.",
            "All heartbeat networks share a switch that failed; a firewall rule; hbd dead or frozen at the peer.",
            "Repair one path at once, then ask why all failed together: put one on another medium (serial line, disk).",
        ],
        [
            "没有可用的心跳路径，但对方仍存活。不会移动；若对方此时失效，只有安全检查能判断。",
            "所有心跳网络共用的交换机故障；防火墙规则；对方 hbd 已死或冻结。",
            "立即修复一条路径，再查明为何同时失效：把其中一条放到其他介质（串口、磁盘）。",
        ],
    ),
    page(
        "A110",
        [
            "The peer is gone. This node serves alone; a second failure would be an outage.",
            "Power loss, crash, hardware failure of the peer, or it was switched off.",
            "Look at the peer's console and power. When it is back the alarm ends by itself; groups stay where they are unless failback is automatic.",
        ],
        [
            "对方已不在。本机单独服务；再次故障将导致中断。",
            "对方断电、崩溃、硬件故障或被关机。",
            "查看对方控制台和电源。恢复后告警自动结束；除非配置自动回切，服务组留在原处。",
        ],
    ),
    page(
        "A111",
        [
            "The peer is silent and nobody can say whether it lives: nothing is taken over.",
            "This node cannot send probes, is cut off itself, or too few neighbours answer.",
            "`hotpair status` shows the evidence. Look at both machines; if the peer is off, vouch for it.",
        ],
        [
            "对方静默且无法判断其是否存活：不接管。",
            "本机无法发送探测、自身被隔断，或回答的邻居太少。",
            "`hotpair status` 显示证据。查看两台机器；若对方已断电，进行担保。",
        ],
    ),
    page(
        "A120",
        [
            "hbd does not answer on this node: the peer cannot be judged, so there is no failover.",
            "It crashed, hangs, was stopped by hand, or its configuration is refused.",
            "`systemctl status hbd`, `journalctl -u hbd`; `systemctl restart hbd` touches no service.",
        ],
        [
            "本机 hbd 没有回应：无法判断对方，因此没有故障切换。",
            "崩溃、挂起、被手动停止，或配置被拒绝。",
            "`systemctl status hbd`、`journalctl -u hbd`；`systemctl restart hbd` 不影响任何服务。",
        ],
    ),
    page(
        "A121",
        [
            "resd does not answer on this node: services run, but nobody watches, repairs, starts or stops them.",
            "It crashed, hangs on a dead device, or was stopped by hand.",
            "`systemctl status resd`, `journalctl -u resd`; `systemctl restart resd` adopts what runs.",
        ],
        [
            "本机 resd 没有回应：服务在运行，但无人监视、修复、启动或停止。",
            "崩溃、因设备失效而挂起，或被手动停止。",
            "`systemctl status resd`、`journalctl -u resd`；`systemctl restart resd` 会接管正在运行的资源。",
        ],
    ),
    page(
        "A122",
        [
            "The peer's machine lives but its arbiter is silent: no planned move, and its state is only remembered.",
            "arbiterd crashed or hangs there, or is being upgraded.",
            "On the peer: `systemctl status arbiterd`, `journalctl -u arbiterd`.",
        ],
        [
            "对方机器存活但其仲裁进程静默：无法计划内移动，其状态只是记忆。",
            "对方 arbiterd 崩溃、挂起或正在升级。",
            "在对方执行：`systemctl status arbiterd`、`journalctl -u arbiterd`。",
        ],
    ),
    page(
        "A123",
        [
            "The peer could not take over now, since its resd does not answer.",
            "resd crashed or hangs there.",
            "On the peer: `systemctl status resd`, `journalctl -u resd`.",
        ],
        [
            "对方此刻无法接管，因为其 resd 没有回应。",
            "对方 resd 崩溃或挂起。",
            "在对方执行：`systemctl status resd`、`journalctl -u resd`。",
        ],
    ),
    page(
        "A130",
        [
            "The nodes run different configurations. What runs goes on; nothing is taken over or newly started.",
            "A change on one node only, a reload forgotten, a file edited during an upgrade.",
            "`hotpair check --against-running` on both nodes shows the differences; copy the right file, reload both.",
        ],
        [
            "两节点配置不同。正在运行的继续；不接管、不启动新的。",
            "只改了一个节点、忘记重新加载、升级时编辑了文件。",
            "在两个节点上用 `hotpair check --against-running` 查看差异；复制正确的文件并重新加载两边。",
        ],
    ),
    page(
        "A140",
        [
            "The state file cannot be written: no new epoch, so no takeover and no first start.",
            "File system full or read-only, input/output error, permissions.",
            "`df -h /var/lib/hotpair`, `mount`, `dmesg`. It recovers by itself (E141).",
        ],
        [
            "状态文件无法写入：没有新的 epoch，因此不能接管或首次启动。",
            "文件系统已满或只读、读写错误、权限。",
            "检查 `df -h /var/lib/hotpair`、`mount`、`dmesg`。恢复后自动结束（E141）。",
        ],
    ),
    page(
        "A150",
        [
            "This node is the one that is cut off; it takes nothing over, and groups with a lease stop here.",
            "Own cables, switch ports, network card, or a wrong set of reference addresses.",
            "`ip -br link`, `ip neigh`; check the switch; check `reference` in the configuration.",
        ],
        [
            "被隔断的是本机；它不接管，带租约的组会在本机停止。",
            "本机网线、交换机端口、网卡，或参考地址配置不当。",
            "`ip -br link`、`ip neigh`；检查交换机；检查配置中的 `reference`。",
        ],
    ),
    page(
        "A201",
        [
            "The group is not served, or is held where it should move; the rule is named.",
            "Whatever the rule says: a freeze, a missing guarantee, an unfinished safety check, a person's decision.",
            "`hotpair explain --why-not GROUP` names the cause and what releases it; `hotpair explain RULE` shows the rule's page.",
        ],
        [
            "该组未提供服务，或应移动却被保持；给出了规则。",
            "如规则所述：冻结、保证级别不足、安全检查未完成、需由人决定。",
            "`hotpair explain --why-not 组` 说明原因和解除方法；`hotpair explain 规则` 显示该规则的页面。",
        ],
    ),
    page(
        "A202",
        [
            "The group cannot run on this node: repair on the spot is exhausted or something is missing.",
            "Named in the sentence, with the resource.",
            "Repair it, then `hotpair clear GROUP`.",
        ],
        ["该组无法在本机运行：就地修复已用尽或缺少条件。", "见提示，含资源名称。", "修复后执行 `hotpair clear 组`。"],
    ),
    page(
        "A203",
        [
            "A stop on this node is not confirmed: something may still run, so nobody else starts the group.",
            "A process in uninterruptible sleep, a busy file system, a stop script that fails.",
            "`ps axo pid,stat,cmd`, `findmnt`, `fuser -vm`; stop it by hand, then `hotpair clear GROUP`; or restart the node.",
        ],
        [
            "本机的停止未能确认：可能仍有残留，因此其他节点不启动该组。",
            "进程处于不可中断睡眠、文件系统忙、停止脚本失败。",
            "用 `ps axo pid,stat,cmd`、`findmnt`、`fuser -vm` 检查；手动停止后执行 `hotpair clear 组`；或重启节点。",
        ],
    ),
    page(
        "A204",
        [
            "The group moved too often within its window and stays where it is, even if it fails.",
            "A fault that travels with the group: data, configuration, overload.",
            "`hotpair events -g GROUP`; repair, then `hotpair clear GROUP`.",
        ],
        [
            "该组在窗口内移动过多，即使失败也留在原处。",
            "故障随服务组迁移：数据、配置、过载。",
            "查看 `hotpair events -g 组`；修复后执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "A205",
        [
            "The service runs, but its standby could not take it: the next failure is an outage.",
            "A device, program, interface or mount point is missing there, or it failed there before.",
            "The sentence names it. Repair it there; after a failure also `hotpair clear GROUP`.",
        ],
        [
            "服务在运行，但备用节点无法接管：下一次故障将导致中断。",
            "那里缺少设备、程序、网卡或挂载点，或曾在那里失败。",
            "见提示。在该节点修复；若曾失败还须执行 `hotpair clear 组`。",
        ],
    ),
    page(
        "A207",
        [
            "The group is in maintenance: hotpair neither repairs nor moves it.",
            "`hotpair maintenance`.",
            "End it when the work is done: `hotpair maintenance GROUP --off`.",
        ],
        [
            "该组处于维护：hotpair 不修复也不移动它。",
            "执行了 `hotpair maintenance`。",
            "工作完成后结束：`hotpair maintenance 组 --off`。",
        ],
    ),
    page(
        "A208",
        [
            "The group is frozen: it does not move by itself, not even when its node fails.",
            "`hotpair freeze`.",
            "`hotpair freeze GROUP --off` when the reason is over.",
        ],
        [
            "该组已冻结：即使节点失效也不会自动移动。",
            "执行了 `hotpair freeze`。",
            "原因消除后执行 `hotpair freeze 组 --off`。",
        ],
    ),
    page(
        "A209",
        [
            "The group cannot run at its owner, and this node has not taken it.",
            "Not ready here, frozen, moved too often, or the hand-over is under way.",
            "`hotpair explain --why-not GROUP` on both nodes.",
        ],
        [
            "该组无法在其拥有者上运行，本机也尚未接管。",
            "本机未就绪、已冻结、移动过多，或交接正在进行。",
            "在两个节点上执行 `hotpair explain --why-not 组`。",
        ],
    ),
    page(
        "A210",
        [
            "A stop at the peer is not confirmed; this node does not start the group.",
            "A hanging process or mount at the peer.",
            "On the peer, stop what is left by hand, then `hotpair clear GROUP`; or power it off and vouch for it.",
        ],
        [
            "对方的停止未能确认；本机不会启动该组。",
            "对方有挂起的进程或挂载。",
            "在对方手动停止残留后执行 `hotpair clear 组`；或切断其电源并担保。",
        ],
    ),
    page(
        "A301",
        [
            "Both nodes serve the group at this moment; the one with the lower epoch is stopping.",
            "Every path and network between the nodes was cut while both lived, without arbitration.",
            "As R210: note the times, compare the data of both sides, add a path over another medium, a witness or fencing.",
        ],
        [
            "此刻两个节点都在提供该组；epoch 较低的一方正在停止。",
            "两节点存活而它们之间的所有路径和网络中断，且没有仲裁手段。",
            "同 R210：记下时间，核对两边数据，增加不同介质的路径、见证或隔离设备。",
        ],
    ),
];
