//! Sentences of the arbiter's rules (`R###`): why something is, or is not, done with a group.
//!
//! Parameters: group, node, peer, owner, preferred, epoch, failure, not_ready, peer_not_ready, moves, by, sign.

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("R100", "{group}: nothing changes, because resd on {node} has not said what runs there", "{group}：保持现状，因为 {node} 上的 resd 尚未报告运行情况")
        .remedy("See whether resd runs: `systemctl status resd`", "检查 resd 是否运行：`systemctl status resd`"),
    Message::new("R110", "{group}: in maintenance; hotpair watches and touches nothing", "{group}：维护中；hotpair 只观察，不做任何操作")
        .remedy("End it with `hotpair maintenance {group} --off`", "用 `hotpair maintenance {group} --off` 结束维护"),
    Message::new("R120", "{group}: nothing changes, because {node} had stalled and is making sure of its rights first", "{group}：保持现状，因为 {node} 曾经停顿，正在重新确认自己的权利"),
    Message::new("R130", "{group}: {node} is writing its new ownership down before it acts", "{group}：{node} 正在先把新的归属写入磁盘，然后再行动"),
    Message::new("R200", "{group}: {peer} gives it back to {node}, where it still runs", "{group}：{peer} 将它交还给仍在运行它的 {node}"),
    Message::new("R205", "{group}: {peer} gives it back to {node}, where it still runs; {node} cannot confirm that yet", "{group}：{peer} 将它交还给仍在运行它的 {node}；{node} 暂时无法确认"),
    Message::new("R210", "{group}: BOTH NODES SERVED IT. {peer} owns it by the higher epoch {epoch}, so {node} stops it at once", "{group}：两个节点曾同时提供服务！{peer} 以更高的 epoch {epoch} 拥有它，{node} 立即停止")
        .meaning("Both nodes were cut from each other and each believed the other dead. Clients may have spoken to either of them.", "两个节点彼此隔断，各自认为对方已失效。客户端可能与其中任何一个通信过。")
        .remedy("Compare the data of the time in between (`hotpair explain`), and add a path over another medium or an arbiter", "核对这段时间的数据（`hotpair explain`），并增加不同介质的心跳路径或仲裁手段"),
    Message::new("R220", "{group}: {peer} owns it by epoch {epoch}, so {node} stops it", "{group}：{peer} 以 epoch {epoch} 拥有它，因此 {node} 停止它"),
    Message::new("R300", "{group}: stopping it on {node} could not be confirmed ({failure}); nobody else may start it", "{group}：在 {node} 上停止未能确认（{failure}）；其他节点不得启动它")
        .remedy("Stop what is left by hand, then `hotpair clear {group}`", "手动停止残留部分，然后执行 `hotpair clear {group}`"),
    Message::new("R306", "{group}: it was offered to {peer}, which shows no sign of life; {node} asks the witness for the vote before it takes it back", "{group}：曾交给 {peer}，但它没有任何生命迹象；{node} 先向见证者取得投票，再收回")
        .remedy("`hotpair status` shows who holds the vote; if {peer} is powered off: `hotpair vouch-peer-off {peer}`", "`hotpair status` 显示投票归属；如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R307", "{group}: it was offered to {peer}, which shows no sign of life; it is switched off before {node} takes the group back", "{group}：曾交给 {peer}，但它没有任何生命迹象；{node} 先切断它的电源，再收回")
        .remedy("If switching off fails: look at {peer}, then `hotpair vouch-peer-off {peer}`", "如果切断失败：检查 {peer}，然后执行 `hotpair vouch-peer-off {peer}`"),
    Message::new("R310", "{group}: stopped on {node} and confirmed; offered to {peer}", "{group}：已在 {node} 上停止并确认；交给 {peer}"),
    Message::new("R311", "{group}: being stopped on {node} for the move to {peer}", "{group}：正在 {node} 上停止，以便移到 {peer}"),
    Message::new("R312", "{group}: {peer} fell silent before it was offered anything; {node} goes on serving", "{group}：尚未交接，{peer} 就已静默；{node} 继续提供服务"),
    Message::new("R313", "{group}: it was offered to {peer}, which shows no sign of life; {node} takes it back", "{group}：曾交给 {peer}，但它没有任何生命迹象；{node} 收回"),
    Message::new("R314", "{group}: it was offered to {peer}, which fell silent and may have taken it; nobody starts it on doubt", "{group}：曾交给 {peer}，随后它静默，可能已经接管；存疑时谁也不启动")
        .remedy("Look at {peer}. If it is powered off: `hotpair vouch-peer-off {peer}`", "检查 {peer}。如果它已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R315", "{group}: {peer} does not take it ({peer_not_ready}); {node} takes the offer back", "{group}：{peer} 没有接管（{peer_not_ready}）；{node} 收回交接"),
    Message::new("R316", "{group}: waiting for {peer} to take it", "{group}：等待 {peer} 接管"),
    Message::new("R317", "{group}: the offer to {peer} is withdrawn; waiting until {peer} has seen so", "{group}：交接已撤回；等待 {peer} 确认"),
    Message::new("R319", "{group}: {node} STOPS it: neither {peer} promised to take nothing over, nor could the vote be renewed within the lease", "{group}：{node} 停止它：{peer} 没有承诺不接管，且投票未能在租约期内续期")
        .meaning("The group requires that; by now the other node may have it.", "该组要求如此；此时另一节点可能已经接管。")
        .remedy("Repair the heartbeat paths or the way to the witness", "修复心跳路径，或到见证者的通路"),
    Message::new("R320", "{group}: it failed on {node} ({failure}) and could not be repaired there; it moves to {peer}", "{group}：在 {node} 上失败（{failure}）且无法就地修复；移到 {peer}"),
    Message::new("R321", "{group}: the network of {node} failed ({failure}), that of {peer} works; it moves to {peer}", "{group}：{node} 的网络失效（{failure}），{peer} 的网络正常；移到 {peer}"),
    Message::new("R322", "{group}: {by} asked to move it from {node} to {peer}", "{group}：{by} 要求将它从 {node} 移到 {peer}"),
    Message::new("R323", "{group}: {node} is in standby, so it moves to {peer}", "{group}：{node} 处于备用状态，因此移到 {peer}"),
    Message::new("R324", "{group}: its preferred node {preferred} has been ready for the configured time; it returns there", "{group}：首选节点 {preferred} 已稳定就绪达到设定时间；移回该节点"),
    Message::new("R325", "{group}: {node} cannot start it ({not_ready}), {peer} can; it is handed over", "{group}：{node} 无法启动它（{not_ready}），{peer} 可以；交给对方"),
    Message::new("R330", "{group}: it failed on {node} ({failure}), but moved {moves} times already: it stays", "{group}：在 {node} 上失败（{failure}），但已移动 {moves} 次：不再移动")
        .remedy("Find the cause on both nodes, then `hotpair clear {group}`", "在两个节点上查明原因，然后执行 `hotpair clear {group}`"),
    Message::new("R331", "{group}: it failed on {node} ({failure}), but a freeze forbids moving it", "{group}：在 {node} 上失败（{failure}），但已冻结，禁止移动")
        .remedy("End the freeze with `hotpair freeze {group} --off`, or repair it on {node}", "用 `hotpair freeze {group} --off` 解除冻结，或在 {node} 上修复"),
    Message::new("R332", "{group}: the network of {node} failed ({failure}), and that of {peer} is not better ({peer_not_ready}): it stays", "{group}：{node} 的网络失效（{failure}），{peer} 的网络也不更好（{peer_not_ready}）：留在原处")
        .remedy("Look at the switch and the cables that both nodes share", "检查两个节点共用的交换机和线缆"),
    Message::new("R333", "{group}: it failed on {node} ({failure}), and {peer} cannot take it ({peer_not_ready})", "{group}：在 {node} 上失败（{failure}），{peer} 也无法接管（{peer_not_ready}）")
        .remedy("Repair it on {node}, or make {peer} ready; then `hotpair clear {group}`", "在 {node} 上修复，或使 {peer} 就绪；然后执行 `hotpair clear {group}`"),
    Message::new("R339", "{group}: {node} owns it by epoch {epoch}, and waits until it has stopped on {peer}", "{group}：{node} 以 epoch {epoch} 拥有它，等待它在 {peer} 上停止")
        .remedy("If it does not stop there: see `hotpair status` and resd on {peer}", "如果对方一直不停止：查看 `hotpair status` 以及 {peer} 上的 resd"),
    Message::new("R340", "{group}: runs on {node}, its owner", "{group}：在其拥有者 {node} 上运行"),
    Message::new("R341", "{group}: not started on {node}, which is in standby or not listed for it", "{group}：未在 {node} 上启动，它处于备用状态或不在列表中")
        .remedy("`hotpair online {node}` lets it host groups again", "`hotpair online {node}` 允许它重新承载服务组"),
    Message::new("R342", "{group}: {node} should start it, but cannot: {not_ready}", "{group}：{node} 应当启动它，但不能：{not_ready}"),
    Message::new("R343", "{group}: not started, because the configurations of {node} and {peer} differ", "{group}：未启动，因为 {node} 与 {peer} 的配置不同")
        .remedy("Make the files equal, then reload both", "使两边的配置文件一致，然后重新加载"),
    Message::new("R344", "{group}: not started, because {node} cannot write its state file", "{group}：未启动，因为 {node} 无法写入状态文件")
        .remedy("Free space in the state directory, or repair its disk", "释放状态目录的空间，或修复其磁盘"),
    Message::new("R345", "{group}: {node} starts it", "{group}：{node} 启动它"),
    Message::new("R346", "{group}: not started yet: {node} has just booted and waits for {peer}", "{group}：尚未启动：{node} 刚启动，正在等待 {peer}"),
    Message::new("R347", "{group}: not started: a node alone since boot starts nothing by configuration", "{group}：未启动：按配置，单独启动的节点不启动任何服务组")
        .remedy("If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R348", "{group}: not started: {peer} is silent on every path but alive ({sign}), and may be serving it", "{group}：未启动：{peer} 在所有路径上静默，但仍存活（{sign}），可能正在提供服务")
        .remedy("Repair the heartbeat paths", "修复心跳路径"),
    Message::new("R349", "{group}: not started: {node} is cut off from the network", "{group}：未启动：{node} 与网络隔离")
        .remedy("Look at the cables and switch ports of {node}", "检查 {node} 的线缆和交换机端口"),
    Message::new("R350", "{group}: not started yet: {peer} is silent, the safety check is running", "{group}：尚未启动：{peer} 静默，安全检查正在进行"),
    Message::new("R351", "{group}: not started yet: waiting for the word of {peer}'s arbiter", "{group}：尚未启动：等待 {peer} 的仲裁进程回应"),
    Message::new("R352", "{group}: not started yet: the paths to {peer} have not been judged", "{group}：尚未启动：到 {peer} 的路径尚未判定"),
    Message::new("R353", "{group}: not started: {peer} is silent, but the witness says that {peer} holds the vote", "{group}：未启动：{peer} 静默，但见证者表示投票在 {peer} 手中")
        .remedy("Look at {peer}: it lives, or did a moment ago. If it is powered off: `hotpair vouch-peer-off {peer}`", "检查 {peer}：它仍存活，或刚刚还存活。如果它已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R354", "{group}: not started: it demands a vote, and the witness does not answer", "{group}：未启动：它要求投票，但见证者没有应答")
        .remedy("Repair the way to the witness. If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "修复到见证者的通路。如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R355", "{group}: not started yet: waiting for the vote of the witness", "{group}：尚未启动：等待见证者的投票"),
    Message::new("R356", "{group}: not started yet: {peer} is silent; waiting until its lease has certainly run out", "{group}：尚未启动：{peer} 静默；等待其租约确定到期"),
    Message::new("R357", "{group}: not started: it demands that {peer} is off, and {peer} could not be switched off", "{group}：未启动：它要求 {peer} 已断电，但未能切断 {peer}")
        .remedy("Look at the fence device. If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "检查隔离设备。如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R358", "{group}: not started yet: it demands that {peer} is off, which is being done", "{group}：尚未启动：它要求 {peer} 已断电，正在切断"),
    Message::new("R359", "{group}: not started: {peer} does not hear {node}, and there is no vote: no right to run it here", "{group}：未启动：{peer} 听不到 {node}，也没有投票：无权在此运行")
        .remedy("Repair the heartbeat paths or the way to the witness", "修复心跳路径，或到见证者的通路"),
    Message::new("R400", "{group}: {peer} hands it over, {node} takes it", "{group}：{peer} 交出，{node} 接管"),
    Message::new("R401", "{group}: {peer} offers it, but {node} cannot run it: {not_ready}{failure}", "{group}：{peer} 要交出它，但 {node} 无法运行：{not_ready}{failure}"),
    Message::new("R410", "{group}: {node} stands by; {owner} is heard and looks after it", "{group}：{node} 备用；{owner} 在线并负责它"),
    Message::new("R411", "{group}: {node} stands by; {peer} is heard, but its arbiter is silent: nothing changes", "{group}：{node} 备用；{peer} 有心跳，但其仲裁进程静默：保持现状")
        .remedy("See whether arbiterd runs on {peer}", "检查 {peer} 上的 arbiterd 是否运行"),
    Message::new("R420", "{group}: nothing changes, because nothing is known of {peer}: not known is not dead", "{group}：保持现状，因为对 {peer} 一无所知：未知不等于失效"),
    Message::new("R430", "{group}: NO takeover: every path to {peer} is down, but the safety check found a sign of life ({sign})", "{group}：不接管：到 {peer} 的所有路径都已中断，但安全检查发现生命迹象（{sign}）")
        .remedy("Repair the heartbeat paths: redundancy is lost", "修复心跳路径：冗余已丧失"),
    Message::new("R431", "{group}: NO takeover: {node} itself is cut off from the network", "{group}：不接管：{node} 自身与网络隔离")
        .remedy("Look at the cables and switch ports of {node}", "检查 {node} 的线缆和交换机端口"),
    Message::new("R432", "{group}: no takeover yet: every path to {peer} is down, the safety check has no answer yet or cannot ask", "{group}：暂不接管：到 {peer} 的所有路径都已中断，安全检查尚无结论或无法询问"),
    Message::new("R440", "{group}: no sign of {peer}, but {node} must not host it (standby, or not listed)", "{group}：{peer} 没有迹象，但 {node} 不允许承载它（备用或不在列表中）")
        .remedy("`hotpair online {node}` allows it", "`hotpair online {node}` 可允许"),
    Message::new("R441", "{group}: no sign of {peer}, but a freeze forbids the takeover", "{group}：{peer} 没有迹象，但冻结禁止接管")
        .remedy("`hotpair freeze {group} --off`, or vouch: `hotpair vouch-peer-off {peer}`", "`hotpair freeze {group} --off`，或担保：`hotpair vouch-peer-off {peer}`"),
    Message::new("R442", "{group}: no sign of {peer}, but it moved {moves} times already: held", "{group}：{peer} 没有迹象，但已移动 {moves} 次：保持")
        .remedy("`hotpair clear {group}` lets it move again", "`hotpair clear {group}` 允许再次移动"),
    Message::new("R443", "{group}: no sign of {peer}, but the configurations differed: no takeover", "{group}：{peer} 没有迹象，但配置不同：不接管")
        .remedy("If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R444", "{group}: no sign of {peer}; {node} has just booted and waits", "{group}：{peer} 没有迹象；{node} 刚启动，正在等待"),
    Message::new("R445", "{group}: no sign of {peer} since {node} booted, and it was last active there: its data here may be old, a person decides", "{group}：{node} 启动后 {peer} 没有迹象，而它上次在那里运行：本地数据可能过时，由人决定")
        .remedy("If {peer} is powered off and the data here is current: `hotpair vouch-peer-off {peer}`", "如果 {peer} 已断电且本地数据是最新的：`hotpair vouch-peer-off {peer}`"),
    Message::new("R446", "{group}: no sign of {peer}, but the group demands a guarantee that this configuration does not reach", "{group}：{peer} 没有迹象，但该组要求的保证级别未达到")
        .remedy("Add the arbitration it asks for, or lower `require`", "增加所需的仲裁手段，或降低 `require`"),
    Message::new("R447", "{group}: no sign of {peer}; the configuration says `on_silence = \"hold\"`: a person decides", "{group}：{peer} 没有迹象；配置为 `on_silence = \"hold\"`：由人决定")
        .remedy("If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R449", "{group}: no sign of {peer}, but {node} cannot run it: {not_ready}", "{group}：{peer} 没有迹象，但 {node} 无法运行：{not_ready}"),
    Message::new("R450", "{group}: no sign of {peer}; waiting until its lease has certainly run out", "{group}：{peer} 没有迹象；等待其租约确实到期"),
    Message::new("R451", "{group}: no sign of {peer}, but {node} cannot write its state file: no takeover", "{group}：{peer} 没有迹象，但 {node} 无法写入状态文件：不接管")
        .remedy("Free space in the state directory, or repair its disk", "释放状态目录的空间，或修复其磁盘"),
    Message::new("R452", "{group}: NO takeover: no sign of {peer}, but the witness says that {peer} holds the vote", "{group}：不接管：{peer} 没有迹象，但见证者表示投票在 {peer} 手中")
        .meaning("Whoever renews a vote lives. It ends by itself soon after {peer} does.", "续期投票者仍然存活。{peer} 失效后，投票很快会自行结束。")
        .remedy("Repair the heartbeat paths: redundancy is lost", "修复心跳路径：冗余已丧失"),
    Message::new("R453", "{group}: no sign of {peer}, but the group demands a vote, and the witness does not answer: no takeover", "{group}：{peer} 没有迹象，但该组要求投票，而见证者没有应答：不接管")
        .remedy("Repair the way to the witness. If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "修复到见证者的通路。如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R454", "{group}: no sign of {peer}; waiting for the vote of the witness", "{group}：{peer} 没有迹象；等待见证者的投票"),
    Message::new("R455", "{group}: no sign of {peer}; it is to be switched off before anything is taken", "{group}：{peer} 没有迹象；接管之前先要切断它的电源"),
    Message::new("R456", "{group}: no sign of {peer}; it is being switched off before anything is taken", "{group}：{peer} 没有迹象；正在切断它的电源，然后接管"),
    Message::new("R457", "{group}: no sign of {peer}, but the group demands that it is off, and it could not be switched off: no takeover", "{group}：{peer} 没有迹象，但该组要求它已断电，而未能切断：不接管")
        .remedy("Look at the fence device; it is tried again each minute. If {peer} is powered off: `hotpair vouch-peer-off {peer}`", "检查隔离设备；每分钟会重试一次。如果 {peer} 已断电：`hotpair vouch-peer-off {peer}`"),
    Message::new("R460", "{group}: TAKEOVER: every path to {peer} is down and nothing on the network shows a sign of it", "{group}：接管：到 {peer} 的所有路径都已中断，网络上没有它的任何迹象"),
    Message::new("R461", "{group}: no sign of {peer}: {node} takes over WITHOUT the third party that should confirm it (witness or fence device did not), because the group does not demand that", "{group}：{peer} 没有迹象：{node} 在缺少第三方确认（见证者或隔离设备未能确认）的情况下接管，因为该组没有要求确认")
        .meaning("The guarantee is weaker than configured: both nodes serve at once if {peer} is alive and cut off.", "此时的保证弱于配置：如果 {peer} 存活但被隔断，两个节点会同时提供服务。")
        .remedy("Make sure that {peer} is off; set `require` if the group should rather wait", "确认 {peer} 已断电；如果希望宁可等待，请设置 `require`"),
    Message::new("R999", "{group}: nothing changes: no other rule fits", "{group}：保持现状：没有其他规则适用"),
];
