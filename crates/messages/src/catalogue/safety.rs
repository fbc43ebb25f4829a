//! The safety check (`S###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("S110", "Safety check: {peer} is alive ({sign}). {evidence}", "安全检查：{peer} 仍存活（{sign}）。{evidence}")
        .meaning("Something over there answered: software (hotpair answers), serving (the virtual address answers), kernel (the machine answers), storage (its slot is written).", "对方有回应：software（hotpair 回应）、serving（虚拟地址回应）、kernel（机器回应）、storage（磁盘槽位仍在写）。"),
    Message::new("S120", "Safety check: no sign of {peer}. {evidence}", "安全检查：没有 {peer} 的任何迹象。{evidence}"),
    Message::new("S130", "Safety check: {node} itself is cut off. {evidence}", "安全检查：{node} 自身被隔离。{evidence}")
        .meaning("No interface has carrier, or no reference address answers: the silence says nothing about the peer.", "所有接口都没有载波，或参考地址都不回应：静默并不说明对方的状态。"),
    Message::new("S140", "Safety check: cannot tell. {evidence}", "安全检查：无法判断。{evidence}"),
    Message::new(
        "S211",
        "the witness does not answer ({reason}): no vote can be got or renewed",
        "见证者没有应答（{reason}）：无法取得或续期投票",
    ),
    Message::new(
        "S212",
        "the fence device for {peer} does not work ({reason}): {peer} could not be switched off",
        "针对 {peer} 的隔离设备不可用（{reason}）：无法切断 {peer} 的电源",
    ),
    Message::new(
        "S213",
        "the watchdog of {node} does not work ({reason}): if its software hangs, nothing ends what it runs",
        "{node} 的看门狗不可用（{reason}）：如果软件卡住，没有任何手段终止其运行的服务",
    ),
];
