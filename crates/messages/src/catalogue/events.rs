//! Events of the history (`E###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("E001", "{daemon} {version} started", "{daemon} {version} 已启动"),
    Message::new(
        "E100",
        "Nothing is known of {peer}: own hbd is away, or has not judged its paths yet",
        "对 {peer} 一无所知：本机 hbd 不在，或尚未判定路径",
    ),
    Message::new("E101", "{peer} is heard", "收到 {peer} 的心跳"),
    Message::new("E102", "{peer} is silent on every path, but alive", "{peer} 在所有路径上静默，但仍存活"),
    Message::new("E103", "{peer} is silent on every path", "{peer} 在所有路径上静默"),
    Message::new(
        "E104",
        "{peer} is silent on every path, and nothing shows a sign of it",
        "{peer} 在所有路径上静默，且没有任何迹象",
    ),
    Message::new("E105", "{peer} says that it is leaving", "{peer} 宣告离开"),
    Message::new("E110", "The arbiter of {peer} is heard (run {run})", "收到 {peer} 仲裁进程的消息（运行 {run}）"),
    Message::new("E120", "hbd on {node} is away: {reason}", "{node} 上的 hbd 不在：{reason}")
        .meaning("Nothing is concluded about the peer from this.", "由此不对对方作任何结论。"),
    Message::new("E121", "resd on {node} is away: {reason}", "{node} 上的 resd 不在：{reason}").meaning(
        "The services go on; they are not watched until resd is back.",
        "服务继续运行；在 resd 恢复之前不受监视。",
    ),
    Message::new("E122", "resd on {node} refused a target: {reason}", "{node} 上的 resd 拒绝了目标：{reason}"),
    Message::new("E123", "hbd on {node} is back", "{node} 上的 hbd 已恢复"),
    Message::new("E124", "resd on {node} is back", "{node} 上的 resd 已恢复"),
    Message::new(
        "E130",
        "{node} stalled for {gap_ms} ms; the peer's clocks were restarted and own rights are validated afresh",
        "{node} 停顿了 {gap_ms} 毫秒；已重新计时并重新确认自身权利",
    ),
    Message::new("E140", "{node} cannot write its state file: {reason}", "{node} 无法写入状态文件：{reason}")
        .meaning("Without a durable record no group is newly taken.", "没有持久记录就不会接管任何服务组。"),
    Message::new("E141", "{node} can write its state file again", "{node} 又可以写入状态文件"),
    Message::new("E150", "{node} runs a new configuration ({digest})", "{node} 采用了新配置（{digest}）"),
    Message::new(
        "E151",
        "{node} was told to read its configuration again, but it is wrong; the one in force stays: {reason}",
        "{node} 被要求重新读取配置，但新配置有误；继续使用当前配置：{reason}",
    )
    .remedy("correct what `hotpair check` reports, then reload again", "按照 `hotpair check` 的报告更正后重新加载"),
    Message::new("E160", "The state file of {node} could not be used: {reason}", "{node} 的状态文件无法使用：{reason}")
        .meaning(
            "{node} knows nothing of who owned what, and holds until it hears {peer}.",
            "{node} 不知道归属情况，在听到 {peer} 之前保持不动。",
        ),
    Message::new(
        "E161",
        "The history of {node} was damaged and is put aside as {aside}; a new one begins: {reason}",
        "{node} 的历史记录已损坏，已改名保存为 {aside}；开始新的历史记录：{reason}",
    )
    .meaning("Earlier events are missing; no decision depends on them.", "较早的事件缺失；任何决定都不依赖它们。"),
    Message::new(
        "E162",
        "The history of {node} cannot be kept on disk, only the newest events are kept in memory: {reason}",
        "{node} 的历史记录无法保存到磁盘，只在内存中保留最新事件：{reason}",
    )
    .meaning("Decisions go on; their record is lost with the process.", "决定照常进行；其记录会随进程结束而丢失。")
    .remedy("make room or repair the file system of the state directory", "清理空间或修复状态目录所在的文件系统"),
    Message::new("E200", "{group}: {node} owns it now, epoch {epoch}", "{group}：现在由 {node} 拥有，epoch {epoch}"),
    Message::new(
        "E201",
        "{group}: {peer} was heard again while {node} was writing epoch {epoch}; nothing was started, the group is given back",
        "{group}：{node} 正在写入 epoch {epoch} 时又听到 {peer}；没有启动任何东西，服务组交还",
    ),
    Message::new("E202", "{group}: {peer} owns it now, epoch {epoch}", "{group}：现在由 {peer} 拥有，epoch {epoch}"),
    Message::new(
        "E210",
        "{group}: BOTH NODES SERVE IT; {peer} owns it by the higher epoch {epoch}, {node} yields",
        "{group}：两个节点同时在提供服务；{peer} 以更高的 epoch {epoch} 拥有它，{node} 让出",
    ),
    Message::new("E231", "{group}: stopped on {node}", "{group}：已在 {node} 上停止"),
    Message::new("E232", "{group}: starting on {node}", "{group}：正在 {node} 上启动"),
    Message::new(
        "E233",
        "{group}: runs on {node} (after {took_ms} ms)",
        "{group}：在 {node} 上运行（用时 {took_ms} 毫秒）",
    ),
    Message::new("E234", "{group}: being repaired on {node}", "{group}：正在 {node} 上就地修复"),
    Message::new("E235", "{group}: stopping on {node}", "{group}：正在 {node} 上停止"),
    Message::new("E236", "{group}: cannot run on {node}: {reason}", "{group}：无法在 {node} 上运行：{reason}"),
    Message::new(
        "E237",
        "{group}: stopping it on {node} could not be confirmed: {reason}",
        "{group}：在 {node} 上停止未能确认：{reason}",
    ),
    // What the peer told of its groups.
    Message::new("E241", "{group}: {peer} tells that it is stopped there", "{group}：{peer} 告知已在那里停止"),
    Message::new("E242", "{group}: {peer} tells that it is starting there", "{group}：{peer} 告知正在那里启动"),
    Message::new("E243", "{group}: {peer} tells that it runs there", "{group}：{peer} 告知在那里运行"),
    Message::new(
        "E244",
        "{group}: {peer} tells that it is being repaired there",
        "{group}：{peer} 告知正在那里就地修复",
    ),
    Message::new("E245", "{group}: {peer} tells that it is stopping there", "{group}：{peer} 告知正在那里停止"),
    Message::new("E246", "{group}: {peer} tells that it cannot run there", "{group}：{peer} 告知无法在那里运行"),
    Message::new(
        "E247",
        "{group}: {peer} tells that stopping it there could not be confirmed",
        "{group}：{peer} 告知在那里停止未能确认",
    ),
    Message::new(
        "E248",
        "{group}: {peer} took it with epoch {epoch} by its rule {rule}: {why}",
        "{group}：{peer} 以 epoch {epoch} 接管，依据其规则 {rule}：{why}",
    ),
    Message::new(
        "E250",
        "{node} orders {peer} to be switched off (order {number})",
        "{node} 下令切断 {peer} 的电源（命令 {number}）",
    )
    .meaning(
        "{peer} shows no sign of life, and a group is to be taken over.",
        "{peer} 没有任何生命迹象，且有服务组需要接管。",
    ),
    Message::new(
        "E251",
        "Fence device {detail} is being asked to switch {peer} off (order {number})",
        "正在请隔离设备 {detail} 切断 {peer} 的电源（命令 {number}）",
    ),
    Message::new(
        "E252",
        "{peer} is off: confirmed by {detail} (order {number})",
        "{peer} 已断电：由 {detail} 确认（命令 {number}）",
    ),
    Message::new(
        "E253",
        "{peer} could not be switched off (order {number}): {detail}",
        "未能切断 {peer} 的电源（命令 {number}）：{detail}",
    )
    .remedy("Look at the device; `hotpair status` shows what it said", "检查该设备；`hotpair status` 显示其返回内容"),
    Message::new(
        "E254",
        "The order {number} to switch {peer} off is taken back: it shows a sign of life, or nobody waits for it any more",
        "切断 {peer} 电源的命令 {number} 已撤回：它有生命迹象，或已没有服务组在等待",
    ),
    Message::new("E260", "The witness does not answer: {reason}", "见证者没有应答：{reason}")
        .meaning("Votes cannot be renewed; what is held ends by itself.", "投票无法续期；已持有的投票会自行到期。"),
    Message::new("E261", "The witness answers again", "见证者恢复应答"),
    Message::new(
        "E262",
        "{group}: {node} holds the vote of the witness, epoch {epoch}",
        "{group}：{node} 持有见证者的投票，epoch {epoch}",
    ),
    Message::new(
        "E263",
        "{group}: {node} lost the vote; {peer} holds it, epoch {epoch}",
        "{group}：{node} 失去投票；{peer} 持有，epoch {epoch}",
    ),
    Message::new("E500", "{group}: {by} orders the move from {from} to {to}", "{group}：{by} 下令从 {from} 移到 {to}"),
    Message::new("E501", "{group} is stopped on {from}, and that is confirmed", "{group} 在 {from} 上停止并确认"),
    Message::new(
        "E502",
        "{to} takes {group} with a new epoch, written down first",
        "{to} 以新的 epoch 接管 {group}，先写入磁盘",
    ),
    Message::new("E503", "{group} is started on {to}", "{group} 在 {to} 上启动"),
    Message::new("E504", "{group} is frozen: only this order moves it", "{group} 已冻结：只有本命令会移动它"),
    Message::new(
        "E505",
        "{group}: the move that {by} ordered was not done in time and is forgotten",
        "{group}：{by} 下令的移动未及时完成，已作废",
    ),
    Message::new(
        "E511",
        "{group}: frozen for {for} by {by}: no automatic move",
        "{group}：{by} 冻结 {for}：不自动移动",
    ),
    Message::new("E512", "{group}: freeze ended by {by}", "{group}：{by} 解除冻结"),
    Message::new(
        "E521",
        "{group}: in maintenance for {for} by {by}: hotpair touches nothing",
        "{group}：{by} 设为维护 {for}：hotpair 不做任何操作",
    ),
    Message::new("E522", "{group}: maintenance ended by {by}", "{group}：{by} 结束维护"),
    Message::new("E530", "{which} put in standby by {by}", "{by} 将 {which} 设为备用"),
    Message::new("E531", "{which} put online by {by}", "{by} 将 {which} 设为在线"),
    Message::new(
        "E532",
        "{which} gives its groups to the other node as soon as that can take them, and takes none",
        "{which} 在对方可以接管时交出全部服务组，并且不再接管",
    ),
    Message::new(
        "E533",
        "{which} may host groups again; nothing moves by this alone",
        "{which} 可以重新承载服务组；仅此不会移动任何东西",
    ),
    Message::new(
        "E540",
        "failures, moves and holds of {group} are forgotten on both nodes; failed resources get a new try",
        "清除 {group} 在两个节点上的失败、移动和保持记录；失败的资源将重试",
    ),
    Message::new("E541", "{group}: failures cleared by {by}", "{group}：{by} 清除了失败记录"),
    Message::new("E550", "{by} vouches that {peer} is powered off: {reason}", "{by} 担保 {peer} 已断电：{reason}"),
    Message::new("E551", "{group} is taken by {node}", "{group} 由 {node} 接管"),
    Message::new("E552", "{by} vouched that {peer} is powered off: {reason}", "{by} 已担保 {peer} 断电：{reason}"),
    Message::new("E701", "There is no group {group}", "没有名为 {group} 的服务组")
        .remedy("`hotpair status` lists the groups", "`hotpair status` 可列出服务组"),
    Message::new("E702", "{group} is not configured to run on {to}", "{group} 未配置在 {to} 上运行")
        .remedy("Add {to} to the group's `nodes`", "将 {to} 加入该组的 `nodes`"),
    Message::new("E703", "{group} is on {to} already", "{group} 已经在 {to} 上"),
    Message::new("E704", "{group} is in maintenance", "{group} 正在维护").remedy(
        "`hotpair maintenance {group} --off`, then ask again",
        "先执行 `hotpair maintenance {group} --off`，然后重试",
    ),
    Message::new(
        "E705",
        "{group} cannot be moved: the other node's arbiter is not heard on any path",
        "无法移动 {group}：在任何路径上都听不到对方的仲裁进程",
    )
    .remedy("`hotpair paths` shows which path is down and why", "`hotpair paths` 显示哪条路径中断及原因"),
    Message::new(
        "E706",
        "{group} cannot be moved: the configurations of the nodes differ",
        "无法移动 {group}：两个节点的配置不同",
    )
    .remedy("Make the files equal and reload both", "使配置一致并重新加载"),
    Message::new("E707", "{group} cannot be moved: {to} is in standby", "无法移动 {group}：{to} 处于备用状态")
        .remedy("`hotpair online {to}`", "`hotpair online {to}`"),
    Message::new(
        "E708",
        "{group} cannot be moved: {to} is not ready for it: {reason}",
        "无法移动 {group}：{to} 尚未就绪：{reason}",
    )
    .remedy(
        "Repair what is named; `hotpair clear {group}` forgets an earlier failure",
        "修复所述问题；`hotpair clear {group}` 可清除先前的失败",
    ),
    Message::new(
        "E711",
        "{typed} is not the name of the other node; it is {peer}",
        "{typed} 不是对方节点的名称；对方是 {peer}",
    )
    .remedy("Type {peer}, if that is the machine that is powered off", "如果断电的确实是它，请输入 {peer}"),
    Message::new("E712", "A reason is needed: it is recorded", "需要填写原因：它会被记录")
        .remedy("Say how you know, e.g. --reason \"power cable pulled\"", "说明依据，例如 --reason \"已拔掉电源线\""),
    Message::new("E713", "{peer} is heard on a heartbeat path: it is not off", "在心跳路径上听到 {peer}：它没有断电"),
    Message::new(
        "E714",
        "{peer} shows a sign of life ({sign}): it is not off",
        "{peer} 有生命迹象（{sign}）：它没有断电",
    )
    .remedy("Power it off for real, then ask again", "真正切断其电源后再试"),
    Message::new(
        "E715",
        "This node stood still and has not looked for {peer} since: the word may be from before",
        "本节点曾停顿，此后尚未查看 {peer}：这条命令可能是停顿之前发出的",
    )
    .remedy("Look again whether {peer} is off, and ask again in a second", "再次确认 {peer} 已断电，一秒后再试"),
];
