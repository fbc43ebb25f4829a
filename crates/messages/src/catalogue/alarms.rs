//! Standing alarms (`A###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("A101", "Path {subject} ({medium}) is down: {cause}", "路径 {subject}（{medium}）中断：{cause}")
        .meaning("The other paths carry on; there is less redundancy.", "其他路径继续工作；冗余减少。")
        .remedy(
            "Repair the path: port, cable, switch; `hotpair paths` tells more",
            "修复该路径：端口、线缆、交换机；详见 `hotpair paths`",
        ),
    Message::new(
        "A102",
        "{peer} does not hear {node} on path {subject} ({medium})",
        "{peer} 在路径 {subject}（{medium}）上听不到 {node}",
    )
    .meaning("The path works in one direction only.", "该路径只有一个方向可用。")
    .remedy(
        "Look at the sending wire or firewall of {node}, and the receiving port of {peer}",
        "检查 {node} 的发送线路或防火墙，以及 {peer} 的接收端口",
    ),
    Message::new(
        "A103",
        "Every heartbeat path to {peer} is down, though it is alive ({sign})",
        "到 {peer} 的所有心跳路径都已中断，但它仍存活（{sign}）",
    )
    .meaning(
        "No failover happens. If {peer} really fails now, only the safety check can tell.",
        "不会切换。如果 {peer} 此时真的失效，只有安全检查能判断。",
    )
    .remedy("Repair the heartbeat paths at once", "立即修复心跳路径"),
    Message::new("A110", "{peer} is silent and shows no sign of life", "{peer} 静默且没有生命迹象")
        .meaning("There is no standby.", "没有备用节点。")
        .remedy("Bring {peer} back", "恢复 {peer}"),
    Message::new("A111", "{peer} is silent, and the safety check cannot tell why", "{peer} 静默，安全检查无法判断原因")
        .remedy("`hotpair status` shows the evidence", "`hotpair status` 显示证据"),
    Message::new("A120", "hbd on {node} does not answer", "{node} 上的 hbd 不回应")
        .remedy("`systemctl status hbd`", "`systemctl status hbd`"),
    Message::new(
        "A121",
        "resd on {node} does not answer: services run, but are not watched",
        "{node} 上的 resd 不回应：服务运行，但不受监视",
    )
    .remedy("`systemctl status resd`", "`systemctl status resd`"),
    Message::new("A122", "{peer} is heard, but its arbiter is not", "听到 {peer}，但听不到其仲裁进程")
        .remedy("On {peer}: `systemctl status arbiterd`", "在 {peer} 上：`systemctl status arbiterd`"),
    Message::new(
        "A123",
        "resd on {peer} does not answer: it could not take over",
        "{peer} 上的 resd 不回应：它无法接管",
    )
    .remedy("On {peer}: `systemctl status resd`", "在 {peer} 上：`systemctl status resd`"),
    Message::new(
        "A130",
        "{node} and {peer} run different configurations: no automatic takeover",
        "{node} 与 {peer} 的配置不同：不会自动接管",
    )
    .remedy("Make the files equal and reload both", "使配置一致并重新加载"),
    Message::new("A140", "{node} cannot write its state file: {reason}", "{node} 无法写入状态文件：{reason}")
        .meaning("No group can be newly taken.", "无法接管任何服务组。")
        .remedy("Free space in the state directory, or repair its disk", "释放状态目录的空间，或修复其磁盘"),
    Message::new("A150", "{node} is cut off from the network", "{node} 与网络隔离")
        .remedy("Look at its cables and switch ports", "检查其线缆和交换机端口"),
    Message::new("A160", "The witness does not answer: {reason}", "见证者没有应答：{reason}")
        .meaning(
            "Groups that require \"witnessed\" or more are not taken over, and stop at their owner if it does not hear its peer either.",
            "要求 \"witnessed\" 或更高级别的服务组不会被接管；如果其拥有者也听不到对端，服务组会停止。",
        )
        .remedy(
            "Look at etcd and at the network to it; `hotpair status` names the endpoint",
            "检查 etcd 以及到它的网络；`hotpair status` 会给出端点",
        ),
    Message::new(
        "A161",
        "{subject} could not be switched off if that were needed: {reason}",
        "需要时将无法切断 {subject} 的电源：{reason}",
    )
    .meaning(
        "Groups that require \"fenced\" would not be taken over; others would be without that proof.",
        "要求 \"fenced\" 的服务组将不会被接管；其他服务组则会在没有该证明的情况下被接管。",
    )
    .remedy(
        "Look at the fence device, its address and its password",
        "检查隔离设备及其地址和密码",
    ),
    Message::new("A162", "{subject} could not be switched off: {reason}", "未能切断 {subject} 的电源：{reason}")
        .remedy(
            "Look at {subject} and at the fence device. If it is powered off: `hotpair vouch-peer-off {subject}`",
            "检查 {subject} 和隔离设备。如果它已断电：`hotpair vouch-peer-off {subject}`",
        ),
    Message::new("A163", "The watchdog of {subject} cannot be relied on: {reason}", "{subject} 的看门狗不可靠：{reason}")
        .meaning(
            "If this node's software hangs, nothing ends what it runs.",
            "如果本节点的软件卡住，将没有任何手段终止其运行的服务。",
        )
        .remedy("Look at the device of [watchdog]", "检查 [watchdog] 中的设备"),
    Message::new(
        "A201",
        "{subject} is not served, or is held: rule {rule}",
        "{subject} 未提供服务或被保持：规则 {rule}",
    )
    .remedy(
        "`hotpair explain --why-not {subject}` tells why and what releases it",
        "`hotpair explain --why-not {subject}` 说明原因和解除方法",
    ),
    Message::new("A202", "{subject} cannot run on {node}: {reason}", "{subject} 无法在 {node} 上运行：{reason}")
        .remedy("Repair the cause, then `hotpair clear {subject}`", "修复原因，然后执行 `hotpair clear {subject}`"),
    Message::new(
        "A203",
        "Stopping {subject} on {node} could not be confirmed: {reason}",
        "在 {node} 上停止 {subject} 未能确认：{reason}",
    )
    .meaning("Something of it may still run; nobody else starts it.", "可能仍有残留在运行；其他节点不会启动它。")
    .remedy(
        "Stop what is left by hand, then `hotpair clear {subject}`",
        "手动停止残留部分，然后执行 `hotpair clear {subject}`",
    ),
    Message::new(
        "A204",
        "{subject} moved {moves} times within its window: no more automatic moves",
        "{subject} 在窗口内移动了 {moves} 次：不再自动移动",
    )
    .remedy(
        "Find the cause on both nodes, then `hotpair clear {subject}`",
        "在两个节点上查明原因，然后执行 `hotpair clear {subject}`",
    ),
    Message::new("A205", "{standby} could not take {subject} over: {reason}", "{standby} 无法接管 {subject}：{reason}")
        .meaning("The service runs, but has no standby.", "服务在运行，但没有备用。")
        .remedy("Repair what is named", "修复所述问题"),
    Message::new(
        "A207",
        "{subject} is in maintenance: hotpair does not protect it",
        "{subject} 正在维护：hotpair 不保护它",
    )
    .remedy(
        "`hotpair maintenance {subject} --off` ends it; it ends by itself as well",
        "`hotpair maintenance {subject} --off` 结束维护；到期也会自动结束",
    ),
    Message::new("A208", "{subject} is frozen: it does not move by itself", "{subject} 已冻结：不会自动移动").remedy(
        "`hotpair freeze {subject} --off` ends it; it ends by itself as well",
        "`hotpair freeze {subject} --off` 解除；到期也会自动解除",
    ),
    Message::new("A209", "{subject} cannot run on {peer}, its owner", "{subject} 无法在其拥有者 {peer} 上运行").remedy(
        "`hotpair status` on {peer} names the cause; repair it, then `hotpair clear {subject}`",
        "在 {peer} 上执行 `hotpair status` 可查看原因；修复后执行 `hotpair clear {subject}`",
    ),
    Message::new("A210", "Stopping {subject} on {peer} could not be confirmed", "在 {peer} 上停止 {subject} 未能确认")
        .meaning(
            "Something of it may still run there; {node} does not start it.",
            "可能仍有残留在运行；{node} 不会启动它。",
        )
        .remedy(
            "On {peer}, stop what is left by hand, then `hotpair clear {subject}`",
            "在 {peer} 上手动停止残留部分，然后执行 `hotpair clear {subject}`",
        ),
    Message::new("A301", "Both nodes serve {subject}", "两个节点同时提供 {subject}")
        .meaning(
            "The nodes were cut from each other; the one with the lower epoch yields.",
            "两个节点曾彼此隔断；epoch 较低的一方让出。",
        )
        .remedy("Compare the data of that time; see `hotpair explain`", "核对该时段的数据；参见 `hotpair explain`"),
];
