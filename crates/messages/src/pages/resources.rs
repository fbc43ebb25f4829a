//! Pages of path states, verdicts of the safety check and resource events.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page("P001", ["The path works.", "Normal.", "Nothing."], ["路径正常。", "正常。", "无须处理。"]),
    page(
        "P002",
        [
            "The own port has no carrier: the path is down at once, without waiting for missing heartbeats.",
            "Cable pulled, switch port or switch down, network card or its driver.",
            "`ip -br link`, `ethtool IF`; check cable and switch port.",
        ],
        [
            "本机端口无载波：不等心跳丢失即判定路径中断。",
            "网线脱落、交换机端口或交换机故障、网卡或驱动。",
            "`ip -br link`、`ethtool 网卡`；检查网线和交换机端口。",
        ],
    ),
    page(
        "P101",
        ["Heartbeats arrive on this path in this direction.", "Start, or a repair.", "Nothing."],
        ["该路径此方向心跳正常。", "启动或修复。", "无须处理。"],
    ),
    page(
        "P102",
        [
            "The first heartbeats are missing; the path is not given up yet. When every path is late the safety check begins ahead of time.",
            "Load, a short disturbance, the beginning of a failure.",
            "Single ones are harmless. Many: `hotpair paths` for loss and jitter; a longer `interval` or `lost` for a bad line.",
        ],
        [
            "开始丢失心跳；路径尚未判定中断。若所有路径都迟到，安全检查会提前开始。",
            "负载、短暂干扰、故障的开端。",
            "偶尔一次无害。若频繁：用 `hotpair paths` 查看丢包与抖动；线路差时增大 `interval` 或 `lost`。",
        ],
    ),
    page(
        "P103",
        [
            "The path failed in this direction; the cause is named as far as it is known.",
            "Cable, port, switch, firewall, device gone, hbd dead at the peer, wrong key.",
            "`hotpair paths` shows both directions, the cause and what was dropped; see also A101 and A102.",
        ],
        [
            "该路径此方向已失效；给出已知原因。",
            "线缆、端口、交换机、防火墙、设备消失、对方 hbd 已死、密钥错误。",
            "`hotpair paths` 显示两个方向、原因和丢弃计数；另见 A101、A102。",
        ],
    ),
    page(
        "S110",
        [
            "Something of the peer answered: software (hotpair itself), serving (a virtual address), kernel (the machine), storage (its slot or lease is written). No takeover.",
            "Heartbeat paths are cut, hbd is dead there, or the machine is frozen in user space only.",
            "Repair a heartbeat path. A machine that only its kernel keeps alive should be restarted.",
        ],
        [
            "对方有东西回应：software（hotpair 本身）、serving（虚拟地址）、kernel（机器）、storage（其槽位或租约在写）。不接管。",
            "心跳路径中断、对方 hbd 已死，或机器仅用户态冻结。",
            "修复一条心跳路径。若只剩内核在回应，应重启该机器。",
        ],
    ),
    page(
        "S120",
        [
            "Everything was asked through working interfaces and nothing answered: the only verdict that can lead to a takeover.",
            "The peer is really gone, or everything between the nodes is cut.",
            "Read the evidence: who was asked, and what answered of the reference addresses.",
        ],
        [
            "已通过正常的接口询问一切，均无回应：只有此结论可能导致接管。",
            "对方确已失效，或两节点之间全部中断。",
            "查看证据：询问了谁，哪些参考地址有回应。",
        ],
    ),
    page(
        "S130",
        [
            "This node itself reaches nothing: silence says nothing about the peer, nothing is taken over.",
            "Own cables, ports, card; switch down; reference addresses down.",
            "Look at this node's network; see A150.",
        ],
        [
            "本机自身什么都连不上：静默不说明对方状态，不接管。",
            "本机网线、端口、网卡；交换机故障；参考地址失效。",
            "检查本机网络；见 A150。",
        ],
    ),
    page(
        "S140",
        [
            "The check cannot tell: probes could not be sent, or the round is not complete.",
            "Missing rights (CAP_NET_RAW), a firewall on output, no usable interface.",
            "`hotpair status` names the probes that failed and why.",
        ],
        [
            "无法判断：探测无法发送，或本轮尚未完成。",
            "缺少权限（CAP_NET_RAW）、出站防火墙、没有可用接口。",
            "`hotpair status` 给出失败的探测及原因。",
        ],
    ),
    page(
        "D101",
        [
            "resd refused an order; the one in force stays.",
            "Two arbiterds, or an order that came late or for another boot.",
            "Look for a second arbiterd; finish a half-done upgrade.",
        ],
        [
            "resd 拒绝了指令；现行指令不变。",
            "存在两个 arbiterd，或指令迟到、属于另一次启动。",
            "检查是否有第二个 arbiterd；完成未完成的升级。",
        ],
    ),
    page(
        "D102",
        [
            "It ran already when resd looked, and was adopted without a restart.",
            "Restart, upgrade or reload of resd.",
            "Nothing.",
        ],
        ["resd 检查时它已在运行，未重启即接管管理。", "resd 重启、升级或重新加载。", "无须处理。"],
    ),
    page(
        "D103",
        [
            "It runs here although hotpair did not start it.",
            "An enabled systemd unit, an fstab line, a start by hand.",
            "`systemctl disable UNIT`, option `noauto` in fstab: only hotpair should start it.",
        ],
        [
            "它在本机运行，但不是 hotpair 启动的。",
            "systemd 单元被设为开机启动、fstab 中的条目、手动启动。",
            "`systemctl disable 单元`、在 fstab 中加 `noauto`：只应由 hotpair 启动。",
        ],
    ),
    page(
        "D104",
        [
            "The resource runs; its start took that long.",
            "A takeover, move, boot or repair.",
            "Nothing. A long start is the larger part of an outage: see fsck, recovery of the database, caches.",
        ],
        [
            "资源已运行；启动用时如所示。",
            "接管、移动、开机或修复。",
            "无须处理。启动过长是中断时间的主要部分：检查 fsck、数据库恢复、缓存。",
        ],
    ),
    page(
        "D105",
        [
            "The resource is stopped, and that is confirmed.",
            "A move, a repair or an order.",
            "Nothing. A long stop delays planned moves: see how the application ends.",
        ],
        ["资源已停止并确认。", "移动、修复或命令。", "无须处理。停止过长会延迟计划内移动：检查应用的退出过程。"],
    ),
    page(
        "D106",
        [
            "The resource failed; the words after it are those of its monitor, agent or of the kernel.",
            "A crash, a failed health check, a device error.",
            "Read the application's log at that time. Repair on the spot follows (D109, D110).",
        ],
        [
            "资源失败；其后是监测、代理或内核给出的原因。",
            "崩溃、健康检查失败、设备错误。",
            "查看当时的应用日志。随后会就地修复（D109、D110）。",
        ],
    ),
    page(
        "D107",
        [
            "The resource fails because this node's network fails; a restart would not help.",
            "No carrier, interface down, reachability targets silent, address in use by another host.",
            "Look at the interface named. The group moves if the peer's network is better.",
        ],
        [
            "因本机网络失效导致资源失败；重启无济于事。",
            "无载波、网卡关闭、可达性目标无应答、地址被其他主机占用。",
            "检查所述网卡。若对方网络更好，服务组会移动过去。",
        ],
    ),
    page(
        "D108",
        [
            "This node lacks something: it is not started here.",
            "A program, device, unit, agent or directory is not installed or not connected.",
            "Provide what is named; readiness is looked at again by itself.",
        ],
        [
            "本机缺少条件：不在此启动。",
            "程序、设备、单元、代理或目录未安装或未连接。",
            "补齐所述内容；会自动重新检查就绪状态。",
        ],
    ),
    page(
        "D109",
        [
            "A repair on the spot is coming, after the pause given.",
            "D106 before it.",
            "Nothing yet. `restarts` and `window` of the resource bound the tries.",
        ],
        ["即将在所示间隔后就地修复。", "见其前的 D106。", "暂无须处理。次数由资源的 `restarts` 和 `window` 限定。"],
    ),
    page(
        "D110",
        [
            "The repair worked.",
            "D106 before it names the cause.",
            "Find the cause of the failure; repeated ones lead to a move.",
        ],
        ["修复成功。", "原因见其前的 D106。", "查明故障原因；反复发生会导致移动。"],
    ),
    page(
        "D111",
        [
            "Local repair is exhausted: the group cannot run here.",
            "The last error is named.",
            "Repair the cause, then `hotpair clear GROUP`.",
        ],
        ["就地修复已用尽：该组无法在本机运行。", "给出了最后的错误。", "排除原因后执行 `hotpair clear 组`。"],
    ),
    page(
        "D112",
        [
            "A monitor did not answer in time. Late is not failed until it happens too often in a row.",
            "A loaded machine, a slow disk, a database under heavy queries.",
            "If it is usual under load: a longer `monitor_timeout` or `late_limit`.",
        ],
        [
            "监测未及时应答。迟到不等于失败，除非连续过多。",
            "机器负载高、磁盘缓慢、数据库查询繁重。",
            "若高负载时常见：增大 `monitor_timeout` 或 `late_limit`。",
        ],
    ),
    page(
        "D113",
        [
            "Nobody can say whether it runs. Unknown is never taken for stopped.",
            "The monitor, systemd or the device does not answer.",
            "See what is named; `hotpair status` shows the resource as unknown until an answer comes.",
        ],
        [
            "无法判断其是否在运行。未知绝不当作已停止。",
            "监测、systemd 或设备没有应答。",
            "查看所述原因；在有应答之前 `hotpair status` 显示为未知。",
        ],
    ),
    page(
        "D114",
        ["This node's network serves the resource again.", "Carrier or reachability came back.", "Nothing."],
        ["本机网络已恢复对该资源的服务。", "载波或可达性恢复。", "无须处理。"],
    ),
    page(
        "D115",
        [
            "The first stop failed and is tried again.",
            "A slow or hanging application, a busy mount.",
            "If it is usual: a longer `stop_timeout`, or repair the stop script.",
        ],
        ["首次停止失败，再试一次。", "应用缓慢或挂起、挂载忙。", "若经常发生：增大 `stop_timeout`，或修复停止脚本。"],
    ),
    page(
        "D116",
        [
            "The stop goes on by force: processes are killed, users of the volume are ended.",
            "As D115.",
            "Look for damage in the application's data if it was killed while writing.",
        ],
        ["改为强制停止：杀死进程，结束卷的使用者。", "同 D115。", "若应用在写入时被杀，检查其数据是否损坏。"],
    ),
    page(
        "D117",
        [
            "Even by force the stop is not confirmed. Nobody else may start the group.",
            "A process that waits for a dead disk or NFS server.",
            "As A203: stop what is left by hand, then `hotpair clear GROUP`; or restart this node.",
        ],
        [
            "强制停止仍未确认。其他节点不得启动该组。",
            "进程等待失效的磁盘或 NFS 服务器。",
            "同 A203：手动停止残留后执行 `hotpair clear 组`；或重启本机。",
        ],
    ),
    page(
        "D118",
        [
            "arbiterd did not renew the right in time, so resd took the group down by itself: the peer may take it.",
            "This node was isolated, arbiterd was dead or frozen for longer than the lease.",
            "See why the right was not renewed: `hotpair explain` of this event, `journalctl -u arbiterd`.",
        ],
        [
            "arbiterd 未及时续约，resd 已自行停止该组：对方可能接管。",
            "本机被隔断，或 arbiterd 死亡、冻结超过租约。",
            "查明为何未续约：对该事件执行 `hotpair explain`，查看 `journalctl -u arbiterd`。",
        ],
    ),
    page(
        "D119",
        ["A remark of a resource that changes nothing.", "Said in the sentence.", "Read it at leisure."],
        ["资源的一条提示，不改变任何东西。", "见提示内容。", "有空时阅读。"],
    ),
    page(
        "D120",
        [
            "The watchdog could not be armed or petted: if this node hangs, nothing resets it, and what rests on the watchdog is not promised.",
            "No driver loaded (`softdog`, `iTCO_wdt`, `i6300esb`), another program has the device, a wrong `device` in [watchdog].",
            "`ls -l /dev/watchdog*`, `fuser /dev/watchdog`, `wdctl`; load the driver; resd tries again by itself.",
        ],
        [
            "看门狗无法启用或喂狗：本机若挂起将无人复位，依赖看门狗的保证不再成立。",
            "未加载驱动（softdog、iTCO_wdt、i6300esb）、设备被其他程序占用、[watchdog] 的 `device` 有误。",
            "`ls -l /dev/watchdog*`、`fuser /dev/watchdog`、`wdctl`；加载驱动；resd 会自行重试。",
        ],
    ),
    page(
        "D121",
        [
            "An exclusive group starts or runs here: the watchdog is petted only when its right has just been seen.",
            "Normal with [watchdog].",
            "Nothing. Do not kill resd for longer than the timeout.",
        ],
        [
            "独占服务组在本机启动或运行：仅在刚确认其权利时喂狗。",
            "配置了 [watchdog] 时属正常。",
            "无须处理。不要让 resd 停止超过该时限。",
        ],
    ),
    page(
        "D122",
        ["Every exclusive group is confirmed stopped here.", "A planned move, or the node stands by.", "Nothing."],
        ["本机所有独占服务组均已确认停止。", "计划切换，或本机待命。", "无须处理。"],
    ),
];
