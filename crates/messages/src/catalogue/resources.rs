//! Steps, failures and causes of resources (`D###`), as resd tells them to the history.

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("D101", "A target was refused: {reason}", "拒绝了一个目标：{reason}").meaning(
        "Two orders contradict each other, or one came late; the one in force stays.",
        "两个指令互相矛盾，或其中一个已过时；现行目标不变。",
    ),
    Message::new("D102", "{resource}: found running and adopted", "{resource}：发现正在运行，已接管管理，未重启"),
    Message::new(
        "D103",
        "{resource}: found running although nobody ordered it here",
        "{resource}：发现正在运行，但本机并未下达启动指令",
    )
    .meaning("Started by hand or at boot.", "可能由人工或开机时启动。")
    .remedy(
        "Leave starting and stopping to hotpair: disable other ways of starting it.",
        "启动与停止应交给 hotpair：请禁用其他启动方式。",
    ),
    Message::new("D104", "{resource}: started in {ms} ms", "{resource}：已启动，用时 {ms} 毫秒"),
    Message::new("D105", "{resource}: stopped in {ms} ms", "{resource}：已停止，用时 {ms} 毫秒"),
    Message::new("D106", "{resource}: failed: {reason}", "{resource}：故障：{reason}"),
    Message::new(
        "D107",
        "{resource}: the network of this node failed it: {reason}",
        "{resource}：本机网络故障：{reason}",
    )
    .meaning(
        "No restart helps; the group moves if the other node's network is better.",
        "重启无济于事；若对方节点的网络更好，服务组将切换过去。",
    ),
    Message::new(
        "D108",
        "{resource}: this node lacks what it needs: {reason}",
        "{resource}：本机缺少所需条件：{reason}",
    ),
    Message::new(
        "D109",
        "{resource}: restart {attempt} on the spot in {ms} ms",
        "{resource}：第 {attempt} 次就地重启，{ms} 毫秒后进行",
    ),
    Message::new("D110", "{resource}: repaired on the spot in {ms} ms", "{resource}：已就地修复，用时 {ms} 毫秒"),
    Message::new("D111", "The group cannot run here: {reason}", "服务组无法在本机运行：{reason}")
        .remedy("Repair the cause, then `hotpair clear`.", "排除原因后执行 `hotpair clear`。"),
    Message::new(
        "D112",
        "{resource}: its monitor is late, {times} times in a row",
        "{resource}：监测迟到，已连续 {times} 次",
    )
    .meaning("Late is not failed, until it happens too often in a row.", "迟到不等于故障，除非连续次数过多。"),
    Message::new(
        "D113",
        "{resource}: whether it runs could not be found out: {reason}",
        "{resource}：无法判断其是否运行：{reason}",
    )
    .meaning("Unknown is never taken for stopped.", "未知绝不会被当作已停止。"),
    Message::new("D114", "{resource}: the network of this node serves it again", "{resource}：本机网络已恢复"),
    Message::new(
        "D115",
        "{resource}: the stop failed and is tried again: {reason}",
        "{resource}：停止失败，再试一次：{reason}",
    ),
    Message::new(
        "D116",
        "{resource}: the stop failed and goes on by force: {reason}",
        "{resource}：停止失败，改为强制停止：{reason}",
    ),
    Message::new("D117", "{resource}: the stop is not confirmed: {reason}", "{resource}：无法确认已停止：{reason}")
        .meaning(
            "Something of it may still run here; nobody else may start it.",
            "本机可能仍有残留在运行；其他节点不得启动它。",
        )
        .remedy(
            "Stop what is left by hand, then `hotpair clear`; or restart this node.",
            "手工停止残留部分后执行 `hotpair clear`；或重启本机。",
        ),
    Message::new("D118", "The lease ran out without renewal: the group is taken down", "租约到期未续：服务组正在停止"),
    Message::new("D119", "{resource}: note: {reason}", "{resource}：提示：{reason}"),
    Message::new("D120", "The watchdog does not guard this node: {reason}", "看门狗未能保护本机：{reason}")
        .meaning(
            "If this node hangs, nothing resets it; groups run on with the weaker promise that `status` states.",
            "本机若挂起，将无人复位；服务组继续运行，但保证级别降低，见 `status`。",
        )
        .remedy(
            "Load the watchdog's driver, or correct `device` in [watchdog]; nobody else may have it open.",
            "加载看门狗驱动，或更正 [watchdog] 中的 `device`；其他程序不得占用该设备。",
        ),
    Message::new(
        "D121",
        "The watchdog is armed: it resets this node {ms} ms after the last renewed right",
        "看门狗已启用：最后一次续权 {ms} 毫秒后复位本机",
    ),
    Message::new(
        "D122",
        "The watchdog is switched off: nothing runs here that needs it",
        "看门狗已停用：本机没有需要它的服务组",
    ),
];
