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
];
