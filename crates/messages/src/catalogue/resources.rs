//! Steps, failures and causes of resources (`D###`), as resd tells them to the history.

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("D101", "A target was refused: {reason}", "拒绝了一个目标：{reason}").meaning(
        "Two orders contradict each other, or one came late; the one in force stays.",
        "两个指令互相矛盾，或其中一个已过时；现行目标不变。",
    ),
    Message::new("D102", "Found running and adopted", "发现正在运行，已接管管理，未重启"),
    Message::new("D103", "Found running although nobody ordered it here", "发现正在运行，但本机并未下达启动指令")
        .meaning("Started by hand or at boot.", "可能由人工或开机时启动。")
        .remedy(
            "Leave starting and stopping to hotpair: disable other ways of starting it.",
            "启动与停止应交给 hotpair：请禁用其他启动方式。",
        ),
    Message::new("D104", "Started in {ms} ms", "已启动，用时 {ms} 毫秒"),
    Message::new("D105", "Stopped in {ms} ms", "已停止，用时 {ms} 毫秒"),
    Message::new("D106", "Failed: {reason}", "故障：{reason}"),
    Message::new("D107", "The network of this node failed it: {reason}", "本机网络故障：{reason}").meaning(
        "No restart helps; the group moves if the other node's network is better.",
        "重启无济于事；若对方节点的网络更好，服务组将切换过去。",
    ),
    Message::new("D108", "This node lacks what it needs: {reason}", "本机缺少所需条件：{reason}"),
    Message::new("D109", "Restart {attempt} on the spot in {ms} ms", "第 {attempt} 次就地重启，{ms} 毫秒后进行"),
    Message::new("D110", "Repaired on the spot in {ms} ms", "已就地修复，用时 {ms} 毫秒"),
    Message::new("D111", "The group cannot run here: {reason}", "服务组无法在本机运行：{reason}")
        .remedy("Repair the cause, then `hotpair clear`.", "排除原因后执行 `hotpair clear`。"),
    Message::new("D112", "Its monitor is late, {times} times in a row", "监测迟到，已连续 {times} 次")
        .meaning("Late is not failed, until it happens too often in a row.", "迟到不等于故障，除非连续次数过多。"),
    Message::new("D113", "Whether it runs could not be found out: {reason}", "无法判断其是否运行：{reason}")
        .meaning("Unknown is never taken for stopped.", "未知绝不会被当作已停止。"),
    Message::new("D114", "The network of this node serves it again", "本机网络已恢复"),
    Message::new("D115", "The stop failed and is tried again: {reason}", "停止失败，再试一次：{reason}"),
    Message::new("D116", "The stop failed and goes on by force: {reason}", "停止失败，改为强制停止：{reason}"),
    Message::new("D117", "The stop is not confirmed: {reason}", "无法确认已停止：{reason}")
        .meaning(
            "Something of it may still run here; nobody else may start it.",
            "本机可能仍有残留在运行；其他节点不得启动它。",
        )
        .remedy(
            "Stop what is left by hand, then `hotpair clear`; or restart this node.",
            "手工停止残留部分后执行 `hotpair clear`；或重启本机。",
        ),
    Message::new("D118", "The lease ran out without renewal: the group is taken down", "租约到期未续：服务组正在停止"),
    Message::new("D119", "Note: {reason}", "提示：{reason}"),
];
