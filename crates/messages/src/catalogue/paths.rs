//! States of heartbeat paths and the causes of their failure (`P###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("P001", "path {path} is up", "路径 {path} 正常"),
    Message::new(
        "P002",
        "path {path} is down: own port {interface} has no carrier",
        "路径 {path} 已中断：本机端口 {interface} 无载波信号",
    )
    .meaning(
        "the cable, the switch port or this network card failed; nothing is known about the peer from this path",
        "网线、交换机端口或本机网卡发生故障；无法通过此路径得知对端节点的状态",
    )
    .remedy("check cable, switch port and card of {interface}", "检查 {interface} 的网线、交换机端口和网卡"),
    Message::new(
        "P101",
        "Path {subject} ({medium}), {direction}: green, heartbeats arrive",
        "路径 {subject}（{medium}）{direction}：绿色，心跳正常",
    ),
    Message::new(
        "P102",
        "Path {subject} ({medium}), {direction}: yellow, a heartbeat is late",
        "路径 {subject}（{medium}）{direction}：黄色，心跳迟到",
    ),
    Message::new(
        "P103",
        "Path {subject} ({medium}), {direction}: red, failed: {cause}",
        "路径 {subject}（{medium}）{direction}：红色，已失效：{cause}",
    )
    .remedy("`hotpair paths` shows both directions and the cause", "`hotpair paths` 显示两个方向及原因"),
];
