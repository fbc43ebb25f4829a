//! Every key of the configuration file, once: type, range, default, and what it means in both languages.
//!
//! This table is the single source: the reader takes types and defaults from it, unknown keys are found and corrected
//! with it, and the reference pages and the template are written from it. Defaults are TOML text.

pub use crate::schema_arbiters::{DISK, FENCE, NEIGHBOUR, WATCHDOG, WITNESS};
use crate::values::Ty;

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub key: &'static str,
    /// Its type.
    pub ty: Ty,
    /// What happens when it is not given.
    pub default: Default,
    /// May also be given in the `node.NAME` table, for one node.
    pub per_node: bool,
    /// Only has a meaning (and is only required) when the other key of the table has this value.
    pub when: Option<(&'static str, &'static str)>,
    /// What it means, English.
    pub en: &'static str,
    /// What it means, Chinese.
    pub zh: &'static str,
}

/// What happens when a key is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must be given.
    Required,
    /// It may be absent, and then it is off.
    Absent,
    /// This TOML value.
    Toml(&'static str),
}

/// How often a table may appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// `[table]`, at most once.
    Once,
    /// `[[table]]`.
    Many,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Full path, as `group.resource`.
    pub path: &'static str,
    /// Value of the key `kind` for which this table holds; empty: the table has one form.
    pub kind: &'static str,
    /// How often.
    pub times: Times,
    /// Its keys, in groups that several tables share.
    pub fields: &'static [&'static [Field]],
    /// Names of the tables in it.
    pub children: &'static [&'static str],
    /// What it is, English.
    pub en: &'static str,
    /// What it is, Chinese.
    pub zh: &'static str,
}

impl Table {
    /// All keys.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().flat_map(|group| group.iter())
    }

    /// A key by name.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.all_fields().find(|field| field.key == key)
    }

    /// Whether values may be given per node.
    pub fn has_node_tables(&self) -> bool {
        self.all_fields().any(|field| field.per_node)
    }
}

impl Field {
    const fn new(key: &'static str, ty: Ty, default: Default, en: &'static str, zh: &'static str) -> Self {
        Self { key, ty, default, per_node: false, when: None, en, zh }
    }

    pub(crate) const fn per_node(mut self) -> Self {
        self.per_node = true;
        self
    }

    const fn when(mut self, key: &'static str, value: &'static str) -> Self {
        self.when = Some((key, value));
        self
    }
}

pub(crate) const fn required(key: &'static str, ty: Ty, en: &'static str, zh: &'static str) -> Field {
    Field::new(key, ty, Default::Required, en, zh)
}

pub(crate) const fn absent(key: &'static str, ty: Ty, en: &'static str, zh: &'static str) -> Field {
    Field::new(key, ty, Default::Absent, en, zh)
}

pub(crate) const fn with(
    key: &'static str,
    ty: Ty,
    default: &'static str,
    en: &'static str,
    zh: &'static str,
) -> Field {
    Field::new(key, ty, Default::Toml(default), en, zh)
}

pub(crate) const MS: u64 = 1000;
pub(crate) const S: u64 = 1000 * MS;
pub(crate) const M: u64 = 60 * S;
pub(crate) const H: u64 = 60 * M;
pub(crate) const D: u64 = 24 * H;
pub(crate) const PORT: Ty = Ty::Int(1, 65_535);

/// The file's top level.
pub static ROOT: Table = Table {
    path: "",
    kind: "",
    times: Times::Once,
    fields: &[],
    children: &[
        "pair",
        "node",
        "udp",
        "serial",
        "disk",
        "safety_check",
        "neighbour",
        "witness",
        "fence",
        "watchdog",
        "boot",
        "history",
        "group",
    ],
    en: "",
    zh: "",
};

/// `[pair]`
pub static PAIR: Table = Table {
    path: "pair",
    kind: "",
    times: Times::Once,
    fields: &[&[
        required(
            "name",
            Ty::Name,
            "Name of the pair. With the key it makes the pair's id on the wire, so that several pairs can share a network.",
            "双机对的名称。它与密钥共同构成线路上的双机对标识，因此同一网络中可以有多个双机对。",
        ),
        with(
            "key_file",
            Ty::FilePath,
            "\"hotpair.key\"",
            "File with the secret key both nodes share: 64 hexadecimal digits or base64 of at least 32 random bytes, readable by its owner only (mode 0600). Relative names start at the directory of this file. Where systemd hands the service a credential of the same file name, that is read instead.",
            "两个节点共用的密钥文件：64 位十六进制数字，或至少 32 个随机字节的 base64 文本；仅属主可读（权限 0600）。相对路径以本配置文件所在目录为起点。若 systemd 向服务提供了同名凭据，则改为读取该凭据。",
        ),
    ]],
    children: &[],
    en: "The pair.",
    zh: "双机对。",
};

/// `[[node]]`
pub static NODE: Table = Table {
    path: "node",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required(
            "name",
            Ty::Name,
            "Name of the node; the daemons find their own by the host name or by --node.",
            "节点名称；守护进程按主机名或 --node 参数确定自己是哪个节点。",
        ),
        with(
            "addresses",
            Ty::Addresses,
            "[]",
            "Further addresses of this node, beside those of its UDP paths, that the safety check asks for signs of life.",
            "除 UDP 路径地址之外，安全检查还要询问的该节点的其他地址。",
        ),
    ]],
    children: &[],
    en: "A node. Exactly two; their order settles ties, so it must be the same in both copies of the file.",
    zh: "节点。必须正好两个；其顺序用于平局裁决，因此两个节点上的文件必须一致。",
};

pub(crate) const BEAT_EN: &str = "Time between two heartbeats. The path is down after `interval × lost` without one; the slowest path decides when a takeover can begin.";
pub(crate) const BEAT_ZH: &str =
    "两次心跳之间的时间。连续 `interval × lost` 时间收不到心跳，该路径即判为中断；最慢的路径决定何时可以开始接管。";
pub(crate) const LOST_EN: &str = "Consecutive heartbeats that must be missing before the path is down (red).";
pub(crate) const LOST_ZH: &str = "连续丢失多少次心跳后，该路径判为中断（红色）。";
pub(crate) const GOOD_EN: &str = "Consecutive heartbeats that must arrive before a path that was down is up again.";
pub(crate) const GOOD_ZH: &str = "中断的路径连续收到多少次心跳后，重新判为正常。";
pub(crate) const PRIO_EN: &str = "Higher is preferred for what the two arbiters tell each other. Every path beats all the time, whatever its priority.";
pub(crate) const PRIO_ZH: &str =
    "数值越大，越优先用于两个仲裁进程之间的信息交换。无论优先级高低，所有路径始终发送心跳。";

/// `[[udp]]`
pub static UDP: Table = Table {
    path: "udp",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required("name", Ty::Name, "Name of the path.", "路径名称。"),
        with("interval", Ty::Duration(5 * MS, 60 * S), "\"100ms\"", BEAT_EN, BEAT_ZH),
        with("lost", Ty::Int(2, 1000), "5", LOST_EN, LOST_ZH),
        with("good", Ty::Int(1, 1000), "3", GOOD_EN, GOOD_ZH),
        with("priority", Ty::Int(0, 255), "10", PRIO_EN, PRIO_ZH),
        with("port", PORT, "7694", "UDP port on both nodes.", "两个节点使用的 UDP 端口。"),
        required(
            "interface",
            Ty::Interface,
            "Interface to which the path is bound; the failure of another interface cannot touch it.",
            "该路径绑定的网卡；其他网卡的故障不会影响它。",
        )
        .per_node(),
        required(
            "address",
            Ty::Address,
            "The node's own address on that interface (IPv4 or IPv6).",
            "该网卡上本节点的地址（IPv4 或 IPv6）。",
        )
        .per_node(),
    ]],
    children: &[],
    en: "A heartbeat path over IP. Give `interface` and `address` for each node in `[udp.node.NAME]`.",
    zh: "基于 IP 的心跳路径。在 `[udp.node.NAME]` 中为每个节点给出 `interface` 和 `address`。",
};

/// `[[serial]]`
pub static SERIAL: Table = Table {
    path: "serial",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required("name", Ty::Name, "Name of the path.", "路径名称。"),
        with("interval", Ty::Duration(20 * MS, 60 * S), "\"500ms\"", BEAT_EN, BEAT_ZH),
        with("lost", Ty::Int(2, 1000), "4", LOST_EN, LOST_ZH),
        with("good", Ty::Int(1, 1000), "3", GOOD_EN, GOOD_ZH),
        with("priority", Ty::Int(0, 255), "5", PRIO_EN, PRIO_ZH),
        with(
            "baud",
            Ty::OneOf(&[
                1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 1_500_000,
                3_000_000,
            ]),
            "115200",
            "Bits per second, 8N1. Heartbeats may use half of the line at most.",
            "每秒位数，8N1 格式。心跳最多可占用线路带宽的一半。",
        ),
        required(
            "device",
            Ty::AbsolutePath,
            "Serial device; a name below /dev/serial/by-id survives replugging of USB adapters.",
            "串口设备；对于 USB 转接器，建议使用 /dev/serial/by-id 下的名称，重新插拔后不会改变。",
        )
        .per_node(),
    ]],
    children: &[],
    en: "A heartbeat path over a null-modem RS-232 line. A pair should have one: no network fault can touch it.",
    zh: "基于 RS-232 直连串口线的心跳路径。建议每个双机对都配置一条：任何网络故障都不会影响它。",
};

/// `[safety_check]`
pub static SAFETY_CHECK: Table = Table {
    path: "safety_check",
    kind: "",
    times: Times::Once,
    fields: &[&[
        with(
            "port",
            PORT,
            "7695",
            "UDP port of the signed question to the peer's arbiter.",
            "向对端仲裁进程发送签名询问所用的 UDP 端口。",
        ),
        with(
            "window",
            Ty::Duration(5 * MS, 10 * S),
            "\"20ms\"",
            "The check must have asked for so long and heard nothing before it may say that there is no sign of life. It starts while the last heartbeats are already being missed, so it normally adds nothing to the takeover time.",
            "安全检查必须持续询问这么长时间且没有任何回应，才能得出“无生命迹象”的结论。它在最后几次心跳丢失时就已开始，因此通常不会延长接管时间。",
        ),
        with(
            "interval",
            Ty::Duration(50 * MS, M),
            "\"500ms\"",
            "Pause between two rounds of the check while the silence lasts.",
            "静默持续期间，两轮检查之间的间隔。",
        ),
        with(
            "references",
            Ty::Addresses,
            "[]",
            "Addresses that should always answer, such as the gateway. If some are given and none answers, this node is the isolated one and takes nothing over.",
            "应当始终有应答的地址，例如网关。如果已配置但都没有应答，说明被隔离的是本节点，不会接管任何服务。",
        ),
        with(
            "exclude_interfaces",
            Ty::Interfaces,
            "[]",
            "Interfaces that the check must not use.",
            "安全检查不得使用的网卡。",
        ),
        with(
            "neighbours_required",
            Ty::Int(0, 16),
            "0",
            "A round of the check in which fewer neighbours answered than this proves nothing: this node may be the isolated one.",
            "若一轮检查中应答的邻居少于该数量，则该轮不能证明任何事：被隔离的可能是本节点。",
        ),
    ]],
    children: &[],
    en: "The safety check: before a takeover, every usable network is asked for signs of life of the peer.",
    zh: "安全检查：接管之前，在所有可用网络上询问对端是否还有生命迹象。",
};

/// `[boot]`
pub static BOOT: Table = Table {
    path: "boot",
    kind: "",
    times: Times::Once,
    fields: &[&[
        with(
            "wait",
            Ty::Duration(0, H),
            "\"30s\"",
            "A node that boots and hears nobody waits so long before it may serve.",
            "节点启动后若收不到对端的任何消息，须等待这么长时间才可提供服务。",
        ),
        with(
            "alone",
            Ty::Choice(&["last-active", "any", "never"]),
            "\"last-active\"",
            "What it may serve then: groups it was last active for (and groups that were never active anywhere), any group, or none until a person says `hotpair vouch-peer-off`.",
            "此后可以提供哪些服务：last-active 为上次由本节点运行的服务组（以及从未运行过的服务组），any 为任意服务组，never 为不提供，直到管理员执行 `hotpair vouch-peer-off`。",
        ),
    ]],
    children: &[],
    en: "What a node does that boots alone.",
    zh: "节点单独启动时的行为。",
};

/// `[history]`
pub static HISTORY: Table = Table {
    path: "history",
    kind: "",
    times: Times::Once,
    fields: &[&[with(
        "max_events",
        Ty::Int(1000, 10_000_000),
        "100000",
        "Events kept at most; the oldest go first.",
        "最多保留的事件数；超出时先删除最早的事件。",
    )]],
    children: &[],
    en: "The history of events and decisions.",
    zh: "事件与决策的历史记录。",
};

/// `[[group]]`
pub static GROUP: Table = Table {
    path: "group",
    kind: "",
    times: Times::Many,
    fields: &[&[
        required("name", Ty::Name, "Name of the group.", "服务组名称。"),
        absent(
            "nodes",
            Ty::Names,
            "Nodes it may run on, most preferred first. Without it: both, in the order of the file.",
            "允许运行的节点，最优先的在前。不填则为两个节点，按文件中的顺序。",
        ),
        with(
            "failback",
            Ty::Choice(&["manual", "auto", "never"]),
            "\"manual\"",
            "Whether it returns to the preferred node: when a person says so, by itself after a stable time, or never.",
            "是否返回首选节点：manual 由人工决定，auto 在稳定一段时间后自动返回，never 从不返回。",
        ),
        with(
            "failback_after",
            Ty::Duration(S, 7 * D),
            "\"60s\"",
            "The preferred node must have been ready for so long before an automatic return.",
            "自动返回之前，首选节点必须持续就绪的时间。",
        )
        .when("failback", "auto"),
        with(
            "on_silence",
            Ty::Choice(&["takeover", "hold"]),
            "\"takeover\"",
            "When every path is down and the safety check finds no sign of life: take over, or hold and raise an alarm so that a person decides.",
            "当所有路径中断且安全检查没有发现生命迹象时：takeover 接管，hold 保持现状并告警，由人工决定。",
        ),
        with(
            "require",
            Ty::Choice(&["evidence", "leased", "storage", "witnessed", "fenced"]),
            "\"evidence\"",
            "Guarantee level without which the group is never taken over. `hotpair check` refuses a level that the configuration cannot reach.",
            "接管该服务组所必需的保证级别。若配置无法达到该级别，`hotpair check` 会拒绝。",
        ),
        absent(
            "lease",
            Ty::Duration(S, H),
            "With it the group ends by itself on a node that has not renewed its right for so long. A takeover waits it out where nothing else keeps two nodes from writing a volume of the group. Without it: no lease.",
            "设置后，若节点在这段时间内未能续租，服务组会自行停止。如果组内的卷没有其他手段防止两个节点同时写入，接管会等待租约到期。不填则不使用租约。",
        ),
        with(
            "max_moves",
            Ty::Int(1, 1000),
            "3",
            "Automatic moves allowed within `move_window`; after them the group stays where it is and an alarm is raised.",
            "`move_window` 时间内允许的自动切换次数；超过后服务组留在原处并告警。",
        ),
        with(
            "move_window",
            Ty::Duration(M, 7 * D),
            "\"1h\"",
            "The window for `max_moves`.",
            "`max_moves` 的统计时间窗口。",
        ),
    ]],
    children: &["resource"],
    en: "A group: the resources that make up one service and move together.",
    zh: "服务组：构成一项服务并一起切换的资源。",
};

const RESOURCE: &[Field] = &[
    required("name", Ty::Name, "Name of the resource, unique in its group.", "资源名称，在服务组内唯一。"),
    required("kind", Ty::Choice(&["ip", "volume", "app"]), "What it is.", "资源类型。"),
    absent(
        "after",
        Ty::Names,
        "Resources of the same group that must run first. Without it: the one before it in the file. `[]`: none.",
        "同一服务组中必须先启动的资源。不填则为文件中的前一个资源。`[]` 表示无。",
    ),
];

const START_EN: &str = "A start that takes longer has failed.";
const START_ZH: &str = "启动超过该时间即判为失败。";
const STOP_EN: &str = "A stop that takes longer has failed.";
const STOP_ZH: &str = "停止超过该时间即判为失败。";
const MON_EN: &str = "A monitor that takes longer is late.";
const MON_ZH: &str = "监测超过该时间即判为迟缓。";
const EACH_EN: &str = "Time between two monitors.";
const EACH_ZH: &str = "两次监测之间的时间。";
const DEEP_EN: &str = "Time between two deep monitors.";
const DEEP_ZH: &str = "两次深度监测之间的时间。";
const T: Ty = Ty::Duration(10 * MS, D);
const EACH: Ty = Ty::Duration(100 * MS, D);
const DEEP: Ty = Ty::DurationOrNever(S, D);

const IP_OPERATIONS: &[Field] = &[
    with("start_timeout", T, "\"10s\"", START_EN, START_ZH),
    with("stop_timeout", T, "\"10s\"", STOP_EN, STOP_ZH),
    with("monitor_timeout", T, "\"2s\"", MON_EN, MON_ZH),
    with("monitor_interval", EACH, "\"1s\"", EACH_EN, EACH_ZH),
    with("deep_interval", DEEP, "\"never\"", DEEP_EN, DEEP_ZH),
];

const VOLUME_OPERATIONS: &[Field] = &[
    with("start_timeout", T, "\"5m\"", START_EN, START_ZH),
    with("stop_timeout", T, "\"1m\"", STOP_EN, STOP_ZH),
    with("monitor_timeout", T, "\"10s\"", MON_EN, MON_ZH),
    with("monitor_interval", EACH, "\"10s\"", EACH_EN, EACH_ZH),
    with("deep_interval", DEEP, "\"never\"", DEEP_EN, DEEP_ZH),
];

const APP_OPERATIONS: &[Field] = &[
    with("start_timeout", T, "\"1m\"", START_EN, START_ZH),
    with("stop_timeout", T, "\"1m\"", STOP_EN, STOP_ZH),
    with("monitor_timeout", T, "\"20s\"", MON_EN, MON_ZH),
    with("monitor_interval", EACH, "\"10s\"", EACH_EN, EACH_ZH),
    with("deep_interval", DEEP, "\"1m\"", DEEP_EN, DEEP_ZH),
];

const RECOVERY: &[Field] = &[
    with(
        "late_limit",
        Ty::Int(1, 100),
        "3",
        "Consecutive late monitors that count as one failure.",
        "连续多少次监测迟缓算作一次故障。",
    ),
    with(
        "restarts",
        Ty::Int(0, 100),
        "3",
        "Restarts on the spot within `restart_window` before the group counts as failed on this node.",
        "`restart_window` 时间内允许的就地重启次数；超过后该服务组在本节点判为故障。",
    ),
    with(
        "restart_window",
        Ty::Duration(S, 7 * D),
        "\"10m\"",
        "The window for `restarts`.",
        "`restarts` 的统计时间窗口。",
    ),
    with(
        "backoff",
        Ty::Duration(0, M),
        "\"1s\"",
        "Pause before the second restart; it doubles with each further one, up to 60 s. The first restart comes at once.",
        "第二次重启前的等待时间；此后每次加倍，最长 60 秒。第一次重启立即进行。",
    ),
    with(
        "on_stop_failure",
        Ty::Choice(&["hold", "self-fence"]),
        "\"hold\"",
        "When a stop cannot be confirmed even by force: hold everything and raise an alarm, or restart this node's kernel at once.",
        "当强制停止也无法确认成功时：hold 全部保持并告警，self-fence 立即重启本节点内核。",
    ),
];

/// `[[group.resource]]` whose kind is missing or wrong: only name and kind are judged.
pub static KINDLESS: Table =
    Table { path: "group.resource", kind: "", times: Times::Many, fields: &[RESOURCE], children: &[], en: "", zh: "" };

/// `[[group.resource]]` with `kind = "ip"`
pub static IP: Table = Table {
    path: "group.resource",
    kind: "ip",
    times: Times::Many,
    fields: &[
        RESOURCE,
        &[
            required(
                "address",
                Ty::AddressPrefix,
                "The virtual address with its prefix length, IPv4 or IPv6.",
                "虚拟地址及其前缀长度，IPv4 或 IPv6。",
            ),
            required("interface", Ty::Interface, "Interface that carries it.", "承载该地址的网卡。").per_node(),
            with(
                "conflict_check",
                Ty::Duration(0, 10 * S),
                "\"3ms\"",
                "Before a start, ask the network for so long whether somebody else holds the address. It adds to the takeover time; hosts on a local network answer within a millisecond. `\"0ms\"`: do not ask.",
                "启动前，在网络上询问该地址是否已被占用，持续这么长时间。它会计入接管时间；局域网中的主机通常在一毫秒内应答。`\"0ms\"` 表示不询问。",
            ),
            with(
                "announce_count",
                Ty::Int(1, 100),
                "5",
                "Announcements (gratuitous ARP, unsolicited neighbour advertisement) right after start.",
                "启动后立即发送的通告次数（免费 ARP、主动邻居通告）。",
            ),
            with("announce_interval", Ty::Duration(10 * MS, M), "\"200ms\"", "Pause between them.", "通告之间的间隔。"),
            with(
                "announce_refresh",
                Ty::DurationOrNever(S, D),
                "\"60s\"",
                "Announce again each so often while active.",
                "运行期间每隔这么长时间重新通告一次。",
            ),
            with(
                "reachability",
                Ty::Addresses,
                "[]",
                "Addresses of which at least one must answer for the network to count as working. Without any, carrier and address are watched.",
                "其中至少有一个地址应答，网络才算正常。不填则只监测载波和地址。",
            ),
            with(
                "source",
                Ty::Bool,
                "true",
                "Whether the address may be the source of outgoing connections.",
                "该地址是否可作为对外连接的源地址。",
            ),
        ],
        IP_OPERATIONS,
        RECOVERY,
    ],
    children: &[],
    en: "A virtual address: clients use it, and it is always on the node that serves.",
    zh: "虚拟地址：客户端使用它，它始终位于提供服务的节点上。",
};

/// `[[group.resource]]` with `kind = "volume"`
pub static VOLUME: Table = Table {
    path: "group.resource",
    kind: "volume",
    times: Times::Many,
    fields: &[
        RESOURCE,
        &[
            required(
                "device",
                Ty::BlockDevice,
                "Block device: a path below /dev (best /dev/disk/by-id), `UUID=…` or `LABEL=…`.",
                "块设备：/dev 下的路径（建议 /dev/disk/by-id）、`UUID=…` 或 `LABEL=…`。",
            )
            .per_node(),
            required("mount_point", Ty::AbsolutePath, "Where it is mounted.", "挂载点。"),
            required("fs", Ty::Choice(&["ext4", "xfs"]), "File system.", "文件系统类型。"),
            with("options", Ty::Texts, "[\"noatime\"]", "Mount options.", "挂载选项。"),
            with(
                "fsck",
                Ty::Choice(&["preen", "skip"]),
                "\"preen\"",
                "Before mounting: replay the journal and make safe repairs only, or nothing.",
                "挂载之前：preen 仅重放日志并做安全修复，skip 不检查。",
            ),
            required(
                "protection",
                Ty::Choice(&["lease", "mmp", "reservation", "none"]),
                "What keeps the other node from writing: hotpair's lease on a small shared area, the multiple-mount protection of ext4, a SCSI-3 persistent reservation (Write Exclusive, Registrants Only; the disk itself refuses the other node), or nothing (then the group needs a `lease`).",
                "防止另一节点写入的手段：lease 为共享小区域上的磁盘租约，mmp 为 ext4 的多重挂载保护，reservation 为 SCSI-3 持久预留（Write Exclusive – Registrants Only，由磁盘自身拒绝另一节点写入），none 为无保护（此时服务组必须设置 `lease`）。",
            ),
            required(
                "lease_device",
                Ty::AbsolutePath,
                "Small partition or file that both nodes reach, not part of the volume itself.",
                "两个节点都能访问的小分区或文件，不能是卷本身的一部分。",
            )
            .per_node()
            .when("protection", "lease"),
            with(
                "lease_duration",
                Ty::Duration(500 * MS, 5 * M),
                "\"2s\"",
                "A disk lease ends so long after its last renewal; a takeover waits until then.",
                "磁盘租约在最后一次续租后经过这么长时间到期；接管须等到此时。",
            )
            .when("protection", "lease"),
        ],
        VOLUME_OPERATIONS,
        RECOVERY,
    ],
    children: &[],
    en: "A file system on a shared volume; never writable by both nodes.",
    zh: "共享卷上的文件系统；绝不允许两个节点同时写入。",
};

/// `[[group.resource]]` with `kind = "app"`
pub static APP: Table = Table {
    path: "group.resource",
    kind: "app",
    times: Times::Many,
    fields: &[
        RESOURCE,
        &[
            required(
                "run",
                Ty::Choice(&["exec", "systemd", "ocf"]),
                "How it is run: own scripts, a systemd unit, or an OCF resource agent.",
                "运行方式：exec 自备脚本，systemd 为 systemd 单元，ocf 为 OCF 资源代理。",
            ),
            required(
                "start",
                Ty::Command,
                "Starts the program and returns when it runs. No shell: a list, or text split at blanks and quotes.",
                "启动程序，程序运行后返回。不经过 shell：可以是列表，或按空格和引号拆分的文本。",
            )
            .when("run", "exec"),
            required("stop", Ty::Command, "Stops it and returns when it does not run.", "停止程序，程序停止后返回。")
                .when("run", "exec"),
            required("monitor", Ty::Command, "Tells by its exit code whether it runs.", "以退出码表示程序是否在运行。")
                .when("run", "exec"),
            absent(
                "deep_monitor",
                Ty::Command,
                "A thorough check, such as a query; runs each `deep_interval`.",
                "彻底的检查，例如执行一次查询；每隔 `deep_interval` 运行一次。",
            )
            .when("run", "exec"),
            with("running_codes", Ty::ExitCodes, "[0]", "Exit codes of the monitor for \"running\".", "监测命令表示“运行中”的退出码。")
                .when("run", "exec"),
            with(
                "stopped_codes",
                Ty::ExitCodes,
                "[3, 1, 2]",
                "Exit codes of the monitor for \"not running, cleanly\"; every other code is a failure. The default is the LSB's.",
                "监测命令表示“已正常停止”的退出码；其他退出码均为故障。默认值遵循 LSB。",
            )
            .when("run", "exec"),
            required("unit", Ty::Unit, "The unit, with its suffix.", "单元名称，含后缀。").when("run", "systemd"),
            required("agent", Ty::Agent, "The agent, `provider:type`.", "资源代理，格式为 `provider:type`。").when("run", "ocf"),
            with("parameters", Ty::Strings, "{}", "The agent's parameters.", "资源代理的参数。").when("run", "ocf"),
            with("environment", Ty::Strings, "{}", "Environment variables for its commands.", "其命令使用的环境变量。"),
        ],
        APP_OPERATIONS,
        RECOVERY,
    ],
    children: &[],
    en: "A program: an application or a database.",
    zh: "程序：应用或数据库。",
};

/// Every table, in the order of the reference.
pub static TABLES: &[&Table] = &[
    &PAIR,
    &NODE,
    &UDP,
    &SERIAL,
    &DISK,
    &SAFETY_CHECK,
    &NEIGHBOUR,
    &WITNESS,
    &FENCE,
    &WATCHDOG,
    &BOOT,
    &HISTORY,
    &GROUP,
    &IP,
    &VOLUME,
    &APP,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;
    use toml::de::DeValue;

    #[test]
    fn every_default_is_a_valid_value_of_its_key() {
        for table in TABLES {
            for field in table.all_fields() {
                let Default::Toml(text) = field.default else { continue };
                let value = DeValue::parse(text).unwrap();
                assert!(values::check(field.ty, &value).is_ok(), "{}.{}", table.path, field.key);
            }
        }
    }

    #[test]
    fn keys_are_unique_documented_and_their_conditions_exist() {
        for table in TABLES {
            let mut seen = std::collections::BTreeSet::new();
            for field in table.all_fields() {
                let place = format!("{}.{}", table.path, field.key);
                assert!(seen.insert(field.key), "{place} twice");
                assert!(field.en.ends_with('.') && field.zh.ends_with('。'), "{place}: documentation");
                if let Some((key, value)) = field.when {
                    let ty = table.field(key).map(|f| f.ty);
                    assert!(matches!(ty, Some(Ty::Choice(words)) if words.contains(&value)), "{place}: condition");
                }
            }
        }
    }
}
