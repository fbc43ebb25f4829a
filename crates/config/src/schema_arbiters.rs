//! Keys of what arbitrates beside the two nodes: disk path, neighbours, witness, fence devices, watchdog.

use crate::schema::{
    BEAT_EN, BEAT_ZH, GOOD_EN, GOOD_ZH, H, LOST_EN, LOST_ZH, M, MS, PORT, PRIO_EN, PRIO_ZH, S, Table, Times, absent,
    required, with,
};
use crate::values::Ty;

/// `[[disk]]`
pub static DISK: Table = Table {
    path: "disk",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required("name", Ty::Name, "Name of the path.", "路径名称。"),
        with("interval", Ty::Duration(50 * MS, 60 * S), "\"500ms\"", BEAT_EN, BEAT_ZH),
        with("lost", Ty::Int(2, 1000), "6", LOST_EN, LOST_ZH),
        with("good", Ty::Int(1, 1000), "3", GOOD_EN, GOOD_ZH),
        with("priority", Ty::Int(0, 255), "3", PRIO_EN, PRIO_ZH),
        required(
            "device",
            Ty::AbsolutePath,
            "Partition, block device or file that both nodes reach. From `offset` on, 12288 bytes of it belong to the path and must be zero at first.",
            "两个节点都能访问的分区、块设备或文件。从 `offset` 起的 12288 字节归该路径使用，最初必须全为零。",
        )
        .per_node(),
        with(
            "offset",
            Ty::Int(0, 1 << 50),
            "0",
            "Where in the device the path's area begins, in bytes; a multiple of 4096. With it the unused head of a shared disk can be used, before its first partition.",
            "该路径的区域在设备中的起始位置（字节），必须是 4096 的倍数。借此可以使用共享磁盘第一个分区之前的空闲区域。",
        ),
    ]],
    children: &[],
    en: "A heartbeat path over a shared disk: each node writes its own slot and reads the other's, past every cache. A medium of its own, so no network fault can touch it.",
    zh: "基于共享磁盘的心跳路径：每个节点绕过所有缓存，写入自己的槽位并读取对方的槽位。它是独立的介质，任何网络故障都不会影响它。",
};

/// `[[neighbour]]`
pub static NEIGHBOUR: Table = Table {
    path: "neighbour",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required("name", Ty::Name, "Name of the neighbour, for people.", "邻居的名称，供人阅读。"),
        required("address", Ty::Address, "Its address.", "其地址。"),
        with("port", PORT, "7422", "UDP port on which it answers.", "其应答所用的 UDP 端口。"),
        required(
            "key_file",
            Ty::FilePath,
            "File with the secret key shared with it, of the same form and with the same permissions as the pair's key. Best a key of its own: who has the pair's key can speak for the pair.",
            "与其共用的密钥文件，格式和权限要求与双机对的密钥相同。最好使用单独的密钥：持有双机对密钥者可以冒充双机对。",
        ),
    ]],
    children: &[],
    en: "A neighbour: a node of another hotpair, or a machine that runs `arbiterd --witness`. The safety check asks it to look for the peer from where it stands; what it sees alive is not taken over.",
    zh: "邻居：另一个 hotpair 的节点，或运行 `arbiterd --witness` 的机器。安全检查请它从自己的位置查看对端；只要它看到对端存活，就不会接管。",
};

/// `[witness]`
pub static WITNESS: Table = Table {
    path: "witness",
    kind: "",
    times: Times::Once,
    fields: &[&[
        required(
            "endpoints",
            Ty::Endpoints,
            "Members of the etcd cluster (v3), as `https://host:2379`. They must stand in a third place: in the room of one node the vote would fall with that node.",
            "etcd 集群（v3）的成员，例如 `https://host:2379`。它们必须位于第三方位置：若与某个节点同处一室，投票会随该节点一起失效。",
        ),
        absent("user", Ty::Text, "User for etcd's password authentication.", "etcd 密码认证的用户名。"),
        absent(
            "password_file",
            Ty::AbsolutePath,
            "File with that user's password, readable by its owner only.",
            "存放该用户密码的文件，仅属主可读。",
        ),
        absent(
            "ca_file",
            Ty::AbsolutePath,
            "Certificate authority that signed etcd's certificate (PEM). Without it: those of the system.",
            "签发 etcd 证书的证书颁发机构（PEM）。不填则使用系统内置的。",
        ),
        absent(
            "cert_file",
            Ty::AbsolutePath,
            "Own certificate, where etcd asks for one (PEM).",
            "本机证书，在 etcd 要求时使用（PEM）。",
        ),
        absent(
            "cert_key_file",
            Ty::AbsolutePath,
            "Its private key (PEM), readable by its owner only.",
            "其私钥（PEM），仅属主可读。",
        ),
        with(
            "ttl",
            Ty::Duration(2 * S, 10 * M),
            "\"6s\"",
            "A vote lasts so long after its last renewal; whole seconds. A takeover of a group that requires \"witnessed\" waits at least so long.",
            "投票在最后一次续期后持续的时间，须为整秒。对要求 \"witnessed\" 的服务组，接管至少等待这么长时间。",
        ),
        with(
            "timeout",
            Ty::Duration(50 * MS, M),
            "\"1s\"",
            "A question to etcd that is not answered within this time has failed.",
            "向 etcd 的请求若在该时间内没有应答，即视为失败。",
        ),
    ]],
    children: &[],
    en: "Votes at a witness: an existing etcd gives each group's vote to one node at a time. It raises the guarantee to \"witnessed\".",
    zh: "见证者投票：由现有的 etcd 将每个服务组的投票在同一时刻只授予一个节点。它将保证级别提升为 \"witnessed\"。",
};

/// `[[fence]]`
pub static FENCE: Table = Table {
    path: "fence",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required(
            "node",
            Ty::Name,
            "The node that it switches off; the other one uses it.",
            "它所切断的节点；由另一个节点使用。",
        ),
        required("name", Ty::Name, "Name of the device.", "设备名称。"),
        required(
            "agent",
            Ty::Program,
            "The fence agent: an absolute path, or a name in /usr/sbin, as \"fence_ipmilan\".",
            "隔离代理：绝对路径，或 /usr/sbin 中的名称，例如 \"fence_ipmilan\"。",
        ),
        with(
            "level",
            Ty::Int(1, 9),
            "1",
            "Levels are tried in order until one is confirmed; every device of a level must be confirmed (two power supplies).",
            "按级别从小到大依次尝试，直到某一级得到确认；同一级别的所有设备都必须得到确认（双电源）。",
        ),
        with(
            "action",
            Ty::Choice(&["off", "reboot"]),
            "\"off\"",
            "Switch it off and leave it so, or let it boot again afterwards.",
            "off 切断电源并保持，reboot 切断后再重新启动。",
        ),
        with("parameters", Ty::Strings, "{}", "The agent's parameters.", "代理的参数。"),
        with(
            "secrets",
            Ty::Files,
            "{}",
            "Parameters whose values are secret, each with a file that holds the value, readable by its owner only. Handed to the agent on its standard input, never on a command line.",
            "值需要保密的参数：每个参数对应一个存放其值的文件，仅属主可读。只通过标准输入传给代理，绝不出现在命令行中。",
        ),
        with(
            "delay",
            Ty::Duration(0, 10 * M),
            "\"0s\"",
            "Wait so long before it is used, and ask once more whether the node shows a sign of life. Give it to one side, so that the two nodes never switch each other off.",
            "使用前等待这么长时间，并再次确认该节点有无生命迹象。只为其中一方设置，以免两个节点互相切断。",
        ),
        with(
            "timeout",
            Ty::Duration(S, H),
            "\"60s\"",
            "An agent that takes longer has failed.",
            "代理运行超过该时间即视为失败。",
        ),
        with(
            "attempts",
            Ty::Int(1, 10),
            "2",
            "Tries before the device counts as failed.",
            "在该设备判为失败之前的尝试次数。",
        ),
    ]],
    children: &[],
    en: "A device that switches a node off, through an agent of the fence-agents package. It raises the guarantee to \"fenced\" where both nodes can be switched off.",
    zh: "通过 fence-agents 软件包中的代理切断节点电源的设备。当两个节点都可以被切断时，保证级别提升为 \"fenced\"。",
};

/// `[watchdog]`
pub static WATCHDOG: Table = Table {
    path: "watchdog",
    kind: "",
    times: Times::Once,
    fields: &[&[
        with("device", Ty::AbsolutePath, "\"/dev/watchdog\"", "The watchdog's device.", "看门狗设备。").per_node(),
        with(
            "timeout",
            Ty::Duration(S, 10 * M),
            "\"10s\"",
            "It resets the node so long after the right to the groups was last renewed; whole seconds. A takeover that relies on it waits longer than this.",
            "在服务组的权利最后一次续期之后，经过这么长时间复位本节点，须为整秒。依赖看门狗的接管会等待更长的时间。",
        ),
        with(
            "reset_time",
            Ty::Duration(0, M),
            "\"2s\"",
            "From the moment it fires until nothing of this node has an effect any more.",
            "从看门狗触发到本节点的一切影响都消失为止的时间。",
        ),
    ]],
    children: &[],
    en: "A watchdog: it resets this node when the right to its groups was not renewed in time, whatever hangs. It is armed while a group with a lease or volume runs here, and never by a configuration with errors.",
    zh: "看门狗：当服务组的权利未及时续期时，无论什么卡住，它都会复位本节点。仅在本节点运行带租约或卷的服务组时启用；配置有误时绝不启用。",
};
