//! Pages of third parties: the witness's vote, fencing, the watchdog, the right to go on.

use super::{Page, page};

/// The pages, by id.
pub(super) static PAGES: &[Page] = &[
    page(
        "R306",
        [
            "The group was offered, the peer shows no sign of life, and a witness is configured: its vote comes before the group is taken back.",
            "The peer lost power or its networks in the middle of a hand-over.",
            "Usually over in a second. If it stays: `hotpair status` shows whether the witness answers and who holds the vote.",
        ],
        [
            "已发出交接，对方没有任何迹象，且配置了见证者：先取得投票再收回。",
            "交接途中对方断电或失去网络。",
            "通常一秒内结束。若持续：`hotpair status` 显示见证者是否应答以及投票归属。",
        ],
    ),
    page(
        "R307",
        [
            "The group was offered, the peer shows no sign of life, and a fence device is configured: the peer is switched off before the group is taken back.",
            "The peer lost power or its networks in the middle of a hand-over.",
            "Wait for E252 (confirmed). If E253 comes, look at the fence device; see A162.",
        ],
        [
            "已发出交接，对方没有任何迹象，且配置了隔离设备：先切断对方电源再收回。",
            "交接途中对方断电或失去网络。",
            "等待 E252（已确认）。若出现 E253，检查隔离设备；见 A162。",
        ],
    ),
    page(
        "R319",
        [
            "The right to serve ran out: neither the peer promised on any path to take nothing over, nor could the vote be renewed. The group stops here, since the other node may take it from now on.",
            "All heartbeat paths and the way to the witness failed together: this node is cut off.",
            "Repair a heartbeat path or the way to the witness. The group starts again where the right is: `hotpair status` on both nodes.",
        ],
        [
            "提供服务的权利到期：对方没有在任何路径上承诺不接管，投票也未能续期。该组在本机停止，因为从此对方可能接管。",
            "所有心跳路径与到见证者的通路同时失效：本机被隔断。",
            "修复一条心跳路径或到见证者的通路。该组会在拥有权利之处重新启动：在两个节点上查看 `hotpair status`。",
        ],
    ),
    page(
        "R353",
        [
            "The peer is silent, yet it renews its vote at the witness: it lives, so nothing is started here.",
            "All heartbeat paths are cut while the peer still reaches the witness.",
            "Repair the heartbeat paths. A vote that is no longer renewed ends by itself within its `ttl`.",
        ],
        [
            "对方静默，但仍在见证者处续期投票：它存活，因此不在本机启动。",
            "所有心跳路径中断，而对方仍能到达见证者。",
            "修复心跳路径。不再续期的投票会在其 `ttl` 内自行结束。",
        ],
    ),
    page(
        "R354",
        [
            "The group demands a vote (`require`), and the witness does not answer: nothing is started on weaker proof.",
            "etcd is down or has no quorum, the network to it fails, a certificate or password expired.",
            "`etcdctl endpoint health` with the configured endpoints; see the reason in E260 and A160.",
        ],
        [
            "该组要求投票（`require`），而见证者没有应答：不凭较弱的证据启动。",
            "etcd 停机或失去多数、到它的网络中断、证书或密码过期。",
            "用所配置的端点执行 `etcdctl endpoint health`；原因见 E260 和 A160。",
        ],
    ),
    page(
        "R355",
        [
            "This node asked the witness for its vote and waits for the answer.",
            "The second after a start or a silence.",
            "If it stays: who holds the vote is in `hotpair status`; an old vote of the peer ends within its `ttl`.",
        ],
        [
            "本机已向见证者请求投票，正在等待。",
            "启动或静默后的一秒。",
            "若持续：`hotpair status` 显示投票归属；对方的旧投票会在其 `ttl` 内结束。",
        ],
    ),
    page(
        "R356",
        [
            "The peer's lease may still run; until it has certainly ended this node starts nothing.",
            "A node that came up or was heard of late while the owner fell silent.",
            "Wait: it is at most the lease plus the clock margin.",
        ],
        [
            "对方的租约可能尚未到期；在确实到期之前本机不启动。",
            "本机刚启动或刚恢复时拥有者静默。",
            "等待：最多为租约加时钟余量。",
        ],
    ),
    page(
        "R357",
        [
            "The group demands that the peer is off (`require = \"fenced\"`), and no fence device confirmed it.",
            "Management board without power or network, wrong address or password, agent not installed.",
            "Run the agent by hand with the same parameters and action `status`; if the peer is off: `hotpair vouch-peer-off PEER`.",
        ],
        [
            "该组要求对方已断电（`require = \"fenced\"`），但没有隔离设备确认。",
            "管理板断电或断网、地址或密码错误、代理未安装。",
            "用相同参数和 `status` 动作手动运行代理；若对方已断电：`hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "R358",
        [
            "The group demands that the peer is off, and that is being done.",
            "A start of this node while the peer is silent.",
            "Wait for E252 or E253.",
        ],
        ["该组要求对方已断电，正在切断。", "对方静默时本机启动。", "等待 E252 或 E253。"],
    ),
    page(
        "R359",
        [
            "This node hears the peer, but the peer does not hear it and there is no vote: it has no right that the other node would respect.",
            "A path that works in one direction only, and the witness out of reach.",
            "Repair the sending direction (A102) or the way to the witness.",
        ],
        [
            "本机能听到对方，但对方听不到本机，也没有投票：没有对方会承认的权利。",
            "路径只有一个方向可用，且见证者不可达。",
            "修复发送方向（A102）或到见证者的通路。",
        ],
    ),
    page(
        "R452",
        [
            "Nothing on the networks shows a sign of the peer, but it renews its vote: it lives, so nothing is taken over.",
            "Every network between the nodes is cut, and the peer still reaches the witness.",
            "Repair the heartbeat paths. If the peer is dead the vote ends within its `ttl` and the takeover follows by itself.",
        ],
        [
            "网络上没有对方的迹象，但它仍在续期投票：它存活，因此不接管。",
            "两节点之间的网络全部中断，而对方仍能到达见证者。",
            "修复心跳路径。若对方已失效，投票会在其 `ttl` 内结束并自动接管。",
        ],
    ),
    page(
        "R453",
        [
            "The group is never taken over without a vote, and the witness does not answer.",
            "etcd is down or has no quorum, the network to it fails together with the peer, a certificate expired.",
            "`etcdctl endpoint health`; put the witness where it does not share a switch with the pair. If the peer is off: vouch for it.",
        ],
        [
            "该组没有投票绝不接管，而见证者没有应答。",
            "etcd 停机或失去多数、到它的网络与对方同时失效、证书过期。",
            "执行 `etcdctl endpoint health`；见证者不应与双机共用交换机。若对方已断电：进行担保。",
        ],
    ),
    page(
        "R454",
        [
            "The last question before a takeover: the witness is asked for the vote.",
            "Every takeover with a witness passes through here.",
            "Nothing, if it lasts less than the vote's `ttl`.",
        ],
        ["接管前的最后一问：向见证者请求投票。", "有见证者时每次接管都经过此步。", "若不超过投票的 `ttl`，无须处理。"],
    ),
    page(
        "R455",
        [
            "The peer is to be switched off first; the fence delay of this node may still run.",
            "A takeover with `[[fence]]` for the peer.",
            "Nothing; E250 and E252 follow. `delay` at one side keeps the two from shooting each other.",
        ],
        [
            "先要切断对方电源；本机的隔离延时可能尚未结束。",
            "为对方配置了 `[[fence]]` 的接管。",
            "无须处理；随后是 E250 和 E252。一侧的 `delay` 可避免互相切断。",
        ],
    ),
    page(
        "R456",
        [
            "A fence device is switching the peer off; the group is taken when that is confirmed.",
            "A takeover with `[[fence]]` for the peer.",
            "Wait for E252 or E253; `timeout` and `attempts` bound it.",
        ],
        [
            "隔离设备正在切断对方；确认后接管。",
            "为对方配置了 `[[fence]]` 的接管。",
            "等待 E252 或 E253；上限为 `timeout` 与 `attempts`。",
        ],
    ),
    page(
        "R457",
        [
            "The group is taken over only when the peer is confirmed off, and that failed: nobody serves it until a person helps.",
            "The management board lost power together with the machine, wrong address or password, agent missing.",
            "Look at the peer. If it is off: `hotpair vouch-peer-off PEER`. It is tried again each minute.",
        ],
        [
            "只有确认对方断电才接管，而切断失败：在人工处理之前无人提供服务。",
            "管理板与机器一同断电、地址或密码错误、缺少代理。",
            "查看对方。若已断电：`hotpair vouch-peer-off 对方`。每分钟会重试一次。",
        ],
    ),
    page(
        "R461",
        [
            "A takeover on weaker proof than configured: witness or fence device did not confirm, and the group does not demand it.",
            "The witness was out of reach or the fence device failed at the moment of the takeover.",
            "Make sure at once that the peer is off. If the group should rather wait next time, set `require` to `witnessed` or `fenced`.",
        ],
        [
            "以弱于配置的证据接管：见证者或隔离设备未确认，而该组没有要求。",
            "接管时见证者不可达或隔离设备失败。",
            "立即确认对方已断电。若希望下次宁可等待，将 `require` 设为 `witnessed` 或 `fenced`。",
        ],
    ),
    page(
        "E250",
        [
            "This node orders the peer to be switched off, because a group is to be taken over. The number ties the answer to the order.",
            "A silent peer without a sign of life, and `[[fence]]` for it.",
            "E251 to E254 tell what became of it.",
        ],
        [
            "因需要接管服务组，本机下令切断对方电源。编号用于对应结果。",
            "对方静默且没有任何迹象，并为其配置了 `[[fence]]`。",
            "结果见 E251 至 E254。",
        ],
    ),
    page(
        "E251",
        ["The fence device named is being asked.", "E250 before it.", "Nothing; it ends within its `timeout`."],
        ["正在请所述隔离设备执行。", "见其前的 E250。", "无须处理；在其 `timeout` 内结束。"],
    ),
    page(
        "E252",
        [
            "A second look at the device confirmed that the peer is off. Its groups can be taken.",
            "E250 before it.",
            "Find out why the peer failed, then switch it on again by hand (with `action = \"reboot\"` it comes by itself).",
        ],
        [
            "再次读取状态，确认对方已断电。可以接管其服务组。",
            "见其前的 E250。",
            "查明对方失效原因，然后手动开机（`action = \"reboot\"` 时会自动启动）。",
        ],
    ),
    page(
        "E253",
        [
            "No device could switch the peer off or confirm it.",
            "Board without power or network, wrong address, password or plug number, agent missing.",
            "Run the agent by hand with action `status`. Groups that demand it wait (R457), others went on (R461).",
        ],
        [
            "没有设备能切断对方或确认。",
            "管理板断电或断网、地址、密码或插座号错误、缺少代理。",
            "用 `status` 动作手动运行代理。要求隔离的组会等待（R457），其他组已继续（R461）。",
        ],
    ),
    page(
        "E254",
        [
            "The order to switch the peer off was taken back before it was carried out.",
            "The peer was heard again, or no group needs it any more.",
            "Nothing.",
        ],
        ["切断对方的命令在执行前撤回。", "又听到了对方，或已没有服务组需要。", "无须处理。"],
    ),
    page(
        "E260",
        [
            "The witness does not answer; votes cannot be got or renewed until E261.",
            "etcd down or without quorum, network, certificate, password.",
            "`etcdctl endpoint health`; the reason is in the event. A160 stands meanwhile.",
        ],
        [
            "见证者没有应答；在 E261 之前无法取得或续期投票。",
            "etcd 停机或失去多数、网络、证书、密码。",
            "执行 `etcdctl endpoint health`；原因见事件。此间告警 A160。",
        ],
    ),
    page(
        "E261",
        ["The witness answers again.", "etcd or the network to it came back.", "Nothing."],
        ["见证者恢复应答。", "etcd 或到它的网络恢复。", "无须处理。"],
    ),
    page(
        "E262",
        ["This node holds the vote: while it renews it nobody else can get it.", "A start or a takeover.", "Nothing."],
        ["本机持有投票：只要续期，其他节点就无法取得。", "启动或接管。", "无须处理。"],
    ),
    page(
        "E263",
        [
            "The peer holds the vote now.",
            "It took the group over while this node could not renew its vote, or a planned move.",
            "Without an order: see why the vote was not renewed (E260).",
        ],
        ["现在由对方持有投票。", "本机无法续期期间对方接管，或计划内移动。", "若无人下令：查明为何未能续期（E260）。"],
    ),
    page(
        "A160",
        [
            "The witness does not answer. What runs goes on while the peer is heard; groups with `require = \"witnessed\"` could not be taken over.",
            "etcd down or without quorum, network, firewall, certificate, password.",
            "`etcdctl endpoint health --endpoints …`; the reason is in the sentence.",
        ],
        [
            "见证者没有应答。能听到对方时服务继续；`require = \"witnessed\"` 的组无法被接管。",
            "etcd 停机或失去多数、网络、防火墙、证书、密码。",
            "执行 `etcdctl endpoint health --endpoints …`；原因见提示。",
        ],
    ),
    page(
        "A161",
        [
            "The fence device's monitor failed: if the node had to be switched off now, that would not work.",
            "Board without power or network, password changed, plug renumbered, agent missing.",
            "Run the agent by hand with action `status` and the configured parameters.",
        ],
        [
            "隔离设备的监测失败：若此刻需要切断该节点，将无法完成。",
            "管理板断电或断网、密码已改、插座号改变、缺少代理。",
            "用所配置的参数和 `status` 动作手动运行代理。",
        ],
    ),
    page(
        "A162",
        [
            "Switching the node off was tried and not confirmed.",
            "As A161; often the board lost power together with the machine.",
            "Look at the machine. If it is off: `hotpair vouch-peer-off PEER`.",
        ],
        [
            "已尝试切断该节点但未得到确认。",
            "同 A161；常见于管理板与机器一同断电。",
            "查看该机器。若已断电：`hotpair vouch-peer-off 对方`。",
        ],
    ),
    page(
        "A163",
        [
            "The watchdog cannot be opened or petted: a hang of this node's software would end nothing.",
            "Driver not loaded, device held by another program (systemd's `RuntimeWatchdogSec`), wrong path.",
            "`wdctl`, `fuser /dev/watchdog`; load the driver (`softdog` where there is none) or correct `device`.",
        ],
        [
            "看门狗无法打开或喂狗：本机软件卡住时没有手段终止服务。",
            "驱动未加载、设备被其他程序占用（systemd 的 `RuntimeWatchdogSec`）、路径错误。",
            "用 `wdctl`、`fuser /dev/watchdog` 检查；加载驱动（没有硬件时用 `softdog`）或更正 `device`。",
        ],
    ),
    page(
        "S211",
        ["Why the guarantee in force is lower than configured: the witness does not answer.", "As A160.", "As A160."],
        ["当前保证低于配置的原因：见证者没有应答。", "同 A160。", "处理同 A160。"],
    ),
    page(
        "S212",
        [
            "Why the guarantee in force is lower than configured: the fence device does not work.",
            "As A161.",
            "As A161.",
        ],
        ["当前保证低于配置的原因：隔离设备不可用。", "同 A161。", "处理同 A161。"],
    ),
    page(
        "S213",
        ["Why the guarantee in force is weaker in a detail: the watchdog does not work.", "As A163.", "As A163."],
        ["当前保证在细节上较弱的原因：看门狗不可用。", "同 A163。", "处理同 A163。"],
    ),
];
