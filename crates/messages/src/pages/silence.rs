//! Pages of the rules of a group that the peer looks after: standing by, its silence, and the takeover.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page(
        "R400",
        [
            "The second half of a planned move: this node writes its epoch and starts the group.",
            "A switchover, standby, failback or failure at the peer.",
            "Nothing; E233 says when everything runs.",
        ],
        [
            "计划内移动的后半：本机写入 epoch 并启动该组。",
            "切换、设为备用、回切或对方故障。",
            "无须处理；E233 表示全部运行。",
        ],
    ),
    page(
        "R401",
        [
            "The peer would like to hand it over, but it cannot run here.",
            "This node is not ready, in standby, or the group failed here before.",
            "Repair what the sentence names and `hotpair clear GROUP`; the peer keeps it meanwhile.",
        ],
        [
            "对方想交出该组，但它无法在本机运行。",
            "本机未就绪、处于备用，或该组曾在本机失败。",
            "修复提示所述内容并执行 `hotpair clear 组`；此间由对方保留。",
        ],
    ),
    page(
        "R410",
        [
            "The normal state at the standby.",
            "Everything is as it should be.",
            "Nothing. `hotpair status` says whether this node could take over now.",
        ],
        ["备用节点的正常状态。", "一切正常。", "无须处理。`hotpair status` 显示本机此刻能否接管。"],
    ),
    page(
        "R411",
        [
            "The peer lives, but its arbiter is silent, so what it last said stands and nothing moves.",
            "arbiterd is dead, frozen or being upgraded at the peer.",
            "On the peer: `systemctl status arbiterd`, `journalctl -u arbiterd`.",
        ],
        [
            "对方存活，但其仲裁进程静默；以其最后的消息为准，不移动任何东西。",
            "对方的 arbiterd 已死、冻结或正在升级。",
            "在对方执行：`systemctl status arbiterd`、`journalctl -u arbiterd`。",
        ],
    ),
    page(
        "R420",
        [
            "Nothing is known of the peer, and not known is never read as dead.",
            "Own hbd is dead or restarting.",
            "`systemctl status hbd`. If it stays dead there is no failover: A120 stands.",
        ],
        [
            "对对方一无所知；未知绝不当作失效。",
            "本机 hbd 已死或正在重启。",
            "`systemctl status hbd`。若一直不在则没有故障切换：告警 A120。",
        ],
    ),
    page(
        "R430",
        [
            "No heartbeat arrives, yet something of the peer answered: a takeover would make two owners.",
            "A firewall change, all heartbeat networks cut, hbd dead or frozen at the peer, a wrong key (U220).",
            "`hotpair status` shows what answered (software, address, kernel, storage). Repair a heartbeat path soon: while none works, only the safety check stands between a failure and an outage.",
        ],
        [
            "没有心跳，但对方有东西回应：接管会造成两个拥有者。",
            "防火墙变更、所有心跳网络中断、对方 hbd 已死或冻结、密钥不一致（U220）。",
            "`hotpair status` 显示是什么在回应（软件、地址、内核、存储）。尽快修复一条心跳路径：在此之前只有安全检查可判断对方是否失效。",
        ],
    ),
    page(
        "R431",
        [
            "This node reaches nothing: it is the one that is cut off, so it takes nothing over.",
            "Own cable, switch port or card; the switch itself; all reference addresses down at once.",
            "Look at this node's network. Choose reference addresses that really always answer, at least two.",
        ],
        [
            "本机什么都连不上：被隔断的是本机，因此不接管。",
            "本机网线、交换机端口或网卡；交换机本身；所有参考地址同时失效。",
            "检查本机网络。参考地址应选择确实始终有应答的，至少两个。",
        ],
    ),
    page(
        "R432",
        [
            "Every path is down. The safety check has not finished its round, or could not ask at all; until it has, nothing moves.",
            "The first second of a silence; probes refused by the kernel or a firewall on output; too few neighbours answered.",
            "If it stays: `hotpair status` lists the probes that could not be sent and why.",
        ],
        [
            "所有路径中断。安全检查尚未完成一轮，或根本无法询问；在此之前不移动。",
            "静默的最初一秒；探测被内核或出站防火墙拒绝；回答的邻居太少。",
            "若持续：`hotpair status` 列出无法发送的探测及原因。",
        ],
    ),
    page(
        "R440",
        [
            "The peer is gone, but this node must not host the group.",
            "It is in standby, or not listed in `nodes`.",
            "`hotpair online NODE` lets it take over at once.",
        ],
        [
            "对方已不在，但本机不允许承载该组。",
            "本机处于备用，或不在 `nodes` 中。",
            "`hotpair online 节点` 可使其立即接管。",
        ],
    ),
    page(
        "R441",
        [
            "The peer is gone, and a freeze forbids the takeover: the service is down until a person acts.",
            "`hotpair freeze` stands.",
            "`hotpair freeze GROUP --off` takes over at once. Or, if the peer is certainly off, vouch for it.",
        ],
        [
            "对方已不在，但冻结禁止接管：在人工处理之前服务中断。",
            "存在 `hotpair freeze`。",
            "`hotpair freeze 组 --off` 会立即接管；若对方确已断电，也可担保。",
        ],
    ),
    page(
        "R442",
        [
            "The peer is gone, but the group moved too often within its window and is held.",
            "A fault that travels with the group.",
            "`hotpair clear GROUP` lets it move again; find the cause in `hotpair events -g GROUP` first.",
        ],
        [
            "对方已不在，但该组在窗口内移动过多，被保持。",
            "故障随服务组迁移。",
            "先在 `hotpair events -g 组` 中查明原因，再执行 `hotpair clear 组` 允许移动。",
        ],
    ),
    page(
        "R443",
        [
            "The peer is gone; before that the configurations differed, so this node may hold a wrong idea of the group.",
            "A change that was applied on one node only.",
            "Compare the files, then: if the peer is powered off, `hotpair vouch-peer-off PEER`.",
        ],
        [
            "对方已不在；此前两边配置不同，本机对该组的理解可能有误。",
            "修改只应用到了一个节点。",
            "核对文件；若对方已断电，执行 `hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R444",
        [
            "No sign of the peer, but this node has just booted: it listens for `boot.wait` first.",
            "Both machines are starting, or the peer is off.",
            "Wait until the boot wait is over.",
        ],
        [
            "没有对方的迹象，但本机刚启动：先等待 `boot.wait`。",
            "两台机器都在启动，或对方已关机。",
            "等待开机等待时间结束。",
        ],
    ),
    page(
        "R445",
        [
            "Since it booted this node has not heard the peer, and the group was last active there: what is on this disk may be old.",
            "Both nodes were off, and this one came up first.",
            "Start the peer; it has the newer data. Only if it is lost: make sure that the data here is good enough, then `hotpair vouch-peer-off PEER`.",
        ],
        [
            "本机启动后未听到对方，而该组上次在对方运行：本机的数据可能是旧的。",
            "两个节点都曾关机，本机先启动。",
            "启动对方，它有较新的数据。只有在对方已无法恢复时，确认本机数据可用后执行 `hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R446",
        [
            "The group demands a guarantee (`require`) that is not reached, so it is never taken over on weaker proof.",
            "The witness, the fence device or the disk lease it relies on is missing or not configured.",
            "`hotpair status` says which level is reached and why not more. Add the arbitration, or lower `require` on both nodes.",
        ],
        [
            "该组要求的保证级别（`require`）未达到，因此绝不凭较弱的证据接管。",
            "所依赖的见证、隔离设备或磁盘租约缺失或未配置。",
            "`hotpair status` 说明达到的级别及原因。补充仲裁手段，或在两个节点上降低 `require`。",
        ],
    ),
    page(
        "R447",
        [
            "`on_silence = \"hold\"`: the configuration leaves this decision to a person.",
            "The peer failed, and the group is configured to wait.",
            "Look at the peer. If it is off: `hotpair vouch-peer-off PEER`. If it lives: restore a path.",
        ],
        [
            "`on_silence = \"hold\"`：配置规定由人决定。",
            "对方故障，而该组配置为等待。",
            "查看对方。若已断电：`hotpair vouch-peer-off 对方`；若仍存活：恢复一条路径。",
        ],
    ),
    page(
        "R449",
        [
            "The peer is gone, and this node lacks something that the group needs: nobody serves it.",
            "A device, interface, program or mount point is missing here.",
            "Provide what the sentence names; the takeover follows by itself. Alarms A205 warn of this while the peer still serves: do not let them stand.",
        ],
        [
            "对方已不在，而本机缺少所需条件：无人提供服务。",
            "本机缺少设备、网卡、程序或挂载点。",
            "补齐提示所述内容，随后会自动接管。对方仍在服务时的告警 A205 就是对此的预警，不要放任。",
        ],
    ),
    page(
        "R450",
        [
            "The peer's lease may still run: until it has certainly ended, a frozen or isolated owner could still write.",
            "A takeover of a group with a `lease`.",
            "Wait: it is at most the lease plus the clock margin. A shorter lease shortens it; a witness, fencing or reservations replace it.",
        ],
        [
            "对方的租约可能尚未到期：在确实到期之前，被冻结或隔离的拥有者仍可能写入。",
            "接管带有 `lease` 的组。",
            "等待：最多为租约加时钟余量。缩短租约可减少等待；见证、隔离或预留可取代它。",
        ],
    ),
    page(
        "R451",
        [
            "Taking over needs a durable epoch, and the state file cannot be written.",
            "The file system of the state directory is full, read-only or broken.",
            "`df -h /var/lib/hotpair`, `dmesg`; free space or repair it. The takeover follows by itself.",
        ],
        [
            "接管需要写入 epoch，而状态文件无法写入。",
            "状态目录所在文件系统已满、只读或损坏。",
            "检查 `df -h /var/lib/hotpair`、`dmesg`；腾出空间或修复。随后会自动接管。",
        ],
    ),
    page(
        "R460",
        [
            "The failover: every path was silent for its detection time, and nothing on any network, disk or third place showed a sign of the peer.",
            "The peer lost power, crashed, or lost every network at once.",
            "Check that the service answers. Find out why the peer failed; when it comes back it does not take the group back. `hotpair explain --last` has the whole story.",
        ],
        [
            "故障切换：每条路径都静默到其检测时间，且任何网络、磁盘或第三方都没有对方的迹象。",
            "对方断电、崩溃，或同时失去所有网络。",
            "确认服务正常。查明对方失效原因；它恢复后不会抢回该组。`hotpair explain --last` 给出完整经过。",
        ],
    ),
    page(
        "R999",
        [
            "No rule fits, so nothing changes: the safe answer to what nobody thought of.",
            "A state that the rule table does not foresee.",
            "Keep the record and report it: `hotpair replay --rules STEP`, `hotpair events`.",
        ],
        [
            "没有规则适用，因此保持现状：对未预料情况的安全回答。",
            "规则表未预料到的状态。",
            "请保留记录并反馈：`hotpair replay --rules 步骤`、`hotpair events`。",
        ],
    ),
];
