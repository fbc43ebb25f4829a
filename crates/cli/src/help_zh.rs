//! Chinese help: keyed by command (`status`) and by command and argument (`status.json`); `.json` stands for every
//! command that has no text of its own for it; the empty key is the program itself.

/// The exit codes, as the help shows them.
pub const EXIT_CODES: &str = "\
退出码：
  0   完成；使用 `status --exit-code` 时：一切正常
  1   失败
  2   命令行有误
  3   守护进程没有运行或没有回答
  4   守护进程拒绝了命令
  5   权限不足
  10  `status --exit-code`：服务正常，但冗余缺失
  11  `status --exit-code`：服务中断或有风险
  12  `rehearse --fail-on`：符合某个条件
  64  配置有误";

const TEXTS: &[(&str, &str)] = &[
    ("", "查看和操作互为备份的两台服务器"),
    (".run_dir", "守护进程套接字所在目录"),
    (".lang", "输出语言（en 或 zh）；未给出时取自环境（HOTPAIR_LANG、LC_ALL、LC_MESSAGES、LANG）"),
    (".color", "颜色（auto、always 或 never）；`auto` 表示在终端上且未设置 NO_COLOR 时使用"),
    (".json", "输出 JSON"),
    (".watch", "持续显示每一次变化"),
    (".dry_run", "只说明将会发生什么，不执行"),
    (".help", "显示帮助"),
    (".version", "显示版本"),
    ("init", "为新的双机写出带注释的配置文件和密钥"),
    ("init.dir", "hotpair.toml 与 hotpair.key 所在目录"),
    ("init.pair", "双机名称"),
    ("init.node", "本节点名称，与 `hostname` 一致"),
    ("init.peer", "另一节点名称"),
    ("init.udp", "一条网络路径：两个节点各自的网卡和地址，例如 eth1:192.0.2.1,eth1:192.0.2.2；可多次给出"),
    ("init.serial", "一条串口路径：本节点的设备，若不同再加另一节点的设备，例如 /dev/ttyS0"),
    ("init.reference", "应始终有应答的地址，例如网关；可多次给出"),
    ("init.address", "要保护的虚拟地址，含前缀长度、本节点网卡，若不同再加另一节点网卡，例如 192.0.2.10/24@eth0"),
    ("init.group", "包含该虚拟地址的服务组名称"),
    ("init.unit", "随虚拟地址一起运行的 systemd 单元"),
    ("rehearse", "用各种命名故障演练配置：谁会提供服务、中断多久、怎样更好"),
    ("rehearse.config", "配置文件"),
    ("rehearse.fault", "只演练此故障并讲述经过；可多次给出"),
    ("rehearse.list", "列出故障，不演练"),
    ("rehearse.seeds", "每种故障演练的次数"),
    ("rehearse.time", "某资源启动和停止所需时间，例如 web/app=8s,2s；未给出时取实测值，否则取假设值；可多次给出"),
    ("rehearse.no_advice", "不寻找更好的配置"),
    (
        "rehearse.fail_on",
        "若有故障导致以下情况则以退出码 12 结束：dual、data-loss、unserved，或 outage>时间（例如 outage>5s）；可多次给出",
    ),
    ("check", "检查配置：一次列出全部错误及处理办法，并说明其保证级别"),
    ("check.config", "配置文件"),
    ("check.against_running", "询问运行中的 arbiterd：用此文件重新加载会在本机造成什么；不作更改"),
    ("check.node", "按此节点检查：必须是两个节点之一"),
    ("status", "显示两个节点、服务组、心跳路径、安全检查和告警"),
    ("status.exit_code", "用退出码表示双机状况：0、10 或 11"),
    ("paths", "显示每条心跳路径的详情：两个方向、往返时延、抖动、丢失、计数"),
    ("events", "显示发生过的事件，最新的在最后"),
    ("events.lines", "最多显示多少条（最新的）"),
    ("events.group", "只显示此服务组的事件"),
    ("events.follow", "持续显示新发生的事件"),
    ("events.json", "输出 JSON，每行一个事件"),
    ("explain", "讲述一个事件、最近一次决策，或某服务组为何不迁移、不运行的来龙去脉"),
    ("explain.event", "事件编号（见 `hotpair events`）；或消息编号（如 R310），说明其一般含义"),
    ("explain.last", "最近一次有实际改变的决策；默认"),
    ("explain.why_not", "该服务组此刻为何没有提供服务或没有迁移"),
    ("switchover", "按计划将服务组迁移到另一节点"),
    ("switchover.group", "服务组"),
    ("switchover.to", "目标节点；未给出时为另一节点"),
    ("switchover.wait", "等待其在目标节点上运行，最长此时间；默认等待 30s"),
    ("switchover.no_wait", "命令被接受后立即返回"),
    ("standby", "让节点退出服务：把服务组交给另一节点，且不再承载"),
    ("standby.node", "节点；未给出时为被询问的节点"),
    ("online", "让节点恢复服务"),
    ("online.node", "节点；未给出时为被询问的节点"),
    ("freeze", "在一段时间内禁止服务组自动迁移"),
    ("freeze.group", "服务组"),
    (".all", "所有服务组"),
    (".length", "时长，最长 30d：数字加单位，例如 90s、2h、1d12h"),
    (".off", "立即结束"),
    ("maintenance", "在一段时间内让服务组脱离 hotpair 的管理：只监视，不启动、不停止、不修复"),
    ("maintenance.group", "服务组"),
    ("clear", "清除服务组的失败与暂停记录，使其重新尝试"),
    ("clear.group", "服务组；未给出时为所有服务组"),
    ("vouch-peer-off", "声明对端已断电，从而可以接管其服务组；声明人与原因会被记录"),
    ("vouch-peer-off.peer", "对端名称"),
    ("vouch-peer-off.reason", "如何确认其已断电；会被记录"),
    ("vouch-peer-off.yes", "不再要求确认"),
    ("rules", "列出双机作出决策的规则"),
    ("replay", "重放一段记录：当时作出了哪些决策、为什么，以及重放结果是否一致"),
    ("replay.path", "记录文件，或存放记录的状态目录"),
    ("replay.daemon", "给出目录时，重放哪个守护进程（arbiterd 或 resd）的记录"),
    ("replay.from", "从此步开始显示；步从 1 开始编号"),
    ("replay.to", "显示到此步为止"),
    ("replay.all", "显示每一个输入和输出，而不只是事件"),
    ("replay.rules", "显示此步时各服务组的事实，以及匹配的规则"),
    ("replay.scenario", "把所示步骤写成可直接播放的文本场景；`-` 表示写到标准输出"),
    ("completions", "输出 shell 的补全脚本"),
    ("completions.shell", "shell 类型：bash、elvish、fish、powershell 或 zsh"),
    ("version", "显示本程序及运行中的守护进程的版本"),
];

/// The text of a key, if there is one.
#[must_use]
pub fn text(key: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}
