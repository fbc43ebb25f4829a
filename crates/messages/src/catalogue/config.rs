//! Findings about the configuration (`C###`): C0 mistakes, C1 warnings, C2 guarantee levels.

use crate::Message;

const NO_START_EN: &str = "the daemons do not start with a value they would have to guess";
const NO_START_ZH: &str = "守护进程不会使用需要猜测的值启动";

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[
    Message::new("C001", "cannot read the configuration {path}: {reason}", "无法读取配置文件 {path}：{reason}")
        .meaning(
            "there is no built-in configuration; without the file nothing starts",
            "程序没有内置配置；没有该文件，任何守护进程都不会启动",
        )
        .remedy(
            "check path and permissions, or write a new one with `hotpair init`",
            "请检查路径和权限，或使用 `hotpair init` 生成新的配置文件",
        ),
    Message::new("C002", "this is not TOML: {reason}", "不符合 TOML 语法：{reason}")
        .meaning("what a broken line means would be a guess", "无法确定有语法错误的行的含义")
        .remedy(
            "correct the marked place; the keys are checked as soon as the text is TOML",
            "请修正标出的位置；语法正确后才会检查各个键",
        ),
    Message::new(
        "C003",
        "unknown key `{key}` in {table}; did you mean `{suggestion}`?",
        "{table} 中没有名为 `{key}` 的键；是否应为 `{suggestion}`？",
    )
    .meaning(
        "a mistyped key would silently leave the real one at its default",
        "键名写错会使真正的键悄悄保持默认值",
    )
    .remedy("write `{suggestion}`, or remove the key", "请改为 `{suggestion}`，或删除该键"),
    Message::new("C004", "unknown key `{key}` in {table}", "{table} 中没有名为 `{key}` 的键")
        .meaning(
            "a mistyped key would silently leave the real one at its default",
            "键名写错会使真正的键悄悄保持默认值",
        )
        .remedy(
            "remove it; the manual page hotpair.toml(5) lists the keys of each table",
            "请删除该键；手册页 hotpair.toml(5) 列出了每个表的键",
        ),
    Message::new("C005", "`{key}` is missing in {table}", "{table} 中缺少 `{key}`")
        .meaning("it has no default, because a wrong guess would be dangerous", "它没有默认值，因为猜错会带来危险")
        .remedy("add `{key} = {example}` with your value", "请添加 `{key} = {example}`，并换成实际的值"),
    Message::new(
        "C006",
        "`{key}` must look like {example}; this is of type {found}",
        "`{key}` 的写法应类似 {example}；这里的类型是 {found}",
    )
    .meaning(NO_START_EN, NO_START_ZH)
    .remedy("write it as {example}", "请写成 {example} 的形式"),
    Message::new("C007", "`{key}` is {value}; allowed is {allowed}", "`{key}` 的值为 {value}；允许的范围是 {allowed}")
        .meaning("outside of these limits the system cannot keep its promises", "超出该范围，系统无法保证其行为")
        .remedy("choose a value within {allowed}", "请在 {allowed} 范围内选择"),
    Message::new("C008", "`{key}`: \"{value}\" is not a duration", "`{key}`：\"{value}\" 不是有效的时长")
        .meaning(
            "a number without a unit could mean seconds to one person and milliseconds to another",
            "没有单位的数字，可能被理解为秒，也可能被理解为毫秒",
        )
        .remedy(
            "write whole numbers with units: us, ms, s, m, h, d, as \"100ms\" or \"1m30s\"",
            "请写整数加单位：us、ms、s、m、h、d，例如 \"100ms\" 或 \"1m30s\"",
        ),
    Message::new("C009", "`{key}`: \"{value}\" is not an IP address", "`{key}`：\"{value}\" 不是有效的 IP 地址")
        .meaning(
            "names are not resolved: a name service may be down just when it matters",
            "不做域名解析：关键时刻名称服务可能恰好不可用",
        )
        .remedy(
            "write a numeric address, as \"192.0.2.10\" or \"2001:db8::10\"",
            "请写数字形式的地址，例如 \"192.0.2.10\" 或 \"2001:db8::10\"",
        ),
    Message::new(
        "C010",
        "`{key}`: \"{value}\" is not an address with its prefix length",
        "`{key}`：\"{value}\" 不是带前缀长度的地址",
    )
    .meaning(
        "the prefix length decides which clients are reached directly; it cannot be guessed",
        "前缀长度决定哪些客户端可以直接到达，无法猜测",
    )
    .remedy(
        "write it as \"192.0.2.100/24\" or \"2001:db8::100/64\"",
        "请写成 \"192.0.2.100/24\" 或 \"2001:db8::100/64\" 的形式",
    ),
    Message::new("C011", "`{key}`: \"{value}\" cannot be a name", "`{key}`：\"{value}\" 不能用作名称")
        .meaning("names go over the wire, into file names and scripts", "名称会用于网络传输、文件名和脚本")
        .remedy(
            "use 1 to 63 ASCII letters, digits, '-', '_' and '.', the first a letter or digit",
            "请使用 1 到 63 个 ASCII 字母、数字、“-”、“_”或“.”，且以字母或数字开头",
        ),
    Message::new("C012", "`{key}` is {value}; it must be {choices}", "`{key}` 的值为 {value}；必须是 {choices} 之一")
        .meaning(NO_START_EN, NO_START_ZH)
        .remedy("choose one of {choices}", "请选择 {choices} 之一"),
    Message::new(
        "C013",
        "`{key}` is \"{value}\"; it must be {choices}",
        "`{key}` 的值为 \"{value}\"；必须是 {choices} 之一",
    )
    .meaning(NO_START_EN, NO_START_ZH)
    .remedy("did you mean \"{suggestion}\"?", "是否应为 \"{suggestion}\"？"),
    Message::new("C014", "`{key}` has a meaning only with {condition}", "`{key}` 只有在 {condition} 时才有意义")
        .meaning("it would be ignored, which is hardly what was meant", "否则它会被忽略，这应当不是您的本意")
        .remedy("remove `{key}`, or set {condition}", "请删除 `{key}`，或设置 {condition}"),
    Message::new(
        "C015",
        "`{key}` is the same on both nodes and cannot be given for one",
        "`{key}` 在两个节点上必须相同，不能只为一个节点设置",
    )
    .meaning("both nodes decide from the same values, or they would disagree", "两个节点依据相同的值做决定，否则会产生分歧")
    .remedy("move it up into the table itself", "请把它移到该表本身中"),
    Message::new("C016", "`{key}` is empty or holds a zero byte", "`{key}` 为空或含有零字节")
        .meaning("an empty value has no meaning here", "空值在此处没有意义")
        .remedy("give a value, or remove the key where it has a default", "请填写值；若该键有默认值，也可删除"),
    Message::new("C017", "`{key}`: \"{value}\" cannot be an interface", "`{key}`：\"{value}\" 不是有效的网卡名")
        .meaning(
            "the kernel's interface names have 1 to 15 bytes without blanks, '/' and ':'",
            "内核的网卡名为 1 到 15 个字节，不含空格、“/”和“:”",
        )
        .remedy("`ip link` lists the interfaces of a node", "用 `ip link` 可列出节点的网卡"),
    Message::new("C018", "`{key}`: \"{value}\" is not an absolute path", "`{key}`：\"{value}\" 不是绝对路径")
        .meaning(
            "daemons have no working directory that a person would expect",
            "守护进程的工作目录与人们的预期不同",
        )
        .remedy("begin with '/', without '.' and '..' parts", "请以“/”开头，且不含“.”和“..”"),
    Message::new(
        "C019",
        "`{key}`: a quote or backslash has no end in: {value}",
        "`{key}`：引号或反斜杠没有结束：{value}",
    )
    .meaning("the words of the command cannot be told apart", "无法确定命令由哪些单词组成")
    .remedy(
        "close the quote, or write a list: [\"/usr/local/bin/program\", \"argument\"]",
        "请补上引号，或写成列表：[\"/usr/local/bin/program\", \"argument\"]",
    ),
    Message::new("C020", "a pair has exactly two nodes; here are {count}", "双机对必须正好有两个节点；这里有 {count} 个")
        .meaning("every decision is one between two nodes", "所有决定都在两个节点之间做出")
        .remedy("write two [[node]] tables", "请写两个 [[node]] 表"),
    Message::new("C021", "the {what} {name} is there twice", "{what} {name} 出现了两次")
        .meaning("a name must lead to one thing", "一个名称只能对应一个对象")
        .remedy("rename or remove one of the two", "请重命名或删除其中一个"),
    Message::new(
        "C022",
        "this node is called {name}, which is not a node of this file ({choices})",
        "本节点名为 {name}，但文件中的节点是 {choices}",
    )
    .meaning("without its name a node does not know which values are its own", "不知道自己的名称，节点就不知道哪些值属于自己")
    .remedy(
        "use the host names in [[node]], or say --node NAME",
        "请在 [[node]] 中使用主机名，或使用 --node NAME 指定",
    ),
    Message::new("C023", "`{table}` must be written as {brackets}", "`{table}` 必须写成 {brackets} 的形式")
        .meaning(
            "[name] is a table that exists once, [[name]] is one of several",
            "[name] 表示只出现一次的表，[[name]] 表示多个表中的一个",
        )
        .remedy("change the brackets of its head", "请修改表头的方括号"),
    Message::new("C024", "`{key}`: {value} is not the address of one host", "`{key}`：{value} 不是单个主机的地址")
        .meaning(
            "unspecified, loopback, multicast, broadcast and network addresses cannot be served or asked",
            "未指定、环回、组播、广播和网络地址不能提供服务，也无法询问",
        )
        .remedy("give the address of one host", "请填写单个主机的地址"),
    Message::new("C025", "`{key}`: \"{value}\" is not a block device", "`{key}`：\"{value}\" 不是块设备")
        .meaning("only block devices hold volumes", "只有块设备可以作为卷")
        .remedy(
            "write a path below /dev (best /dev/disk/by-id/…), UUID=… or LABEL=…",
            "请写 /dev 下的路径（建议 /dev/disk/by-id/…）、UUID=… 或 LABEL=…",
        ),
    Message::new("C026", "`{key}`: \"{value}\" is not a systemd unit", "`{key}`：\"{value}\" 不是 systemd 单元")
        .meaning("the suffix tells which kind of unit is meant", "后缀表明单元的类型")
        .remedy("write it with its suffix, as \"postgresql.service\"", "请写出后缀，例如 \"postgresql.service\""),
    Message::new("C027", "`{key}`: \"{value}\" is not an OCF agent", "`{key}`：\"{value}\" 不是 OCF 资源代理")
        .meaning("agents are found as provider and type", "资源代理按提供者和类型查找")
        .remedy("write \"provider:type\", as \"heartbeat:pgsql\"", "请写成 \"provider:type\"，例如 \"heartbeat:pgsql\""),
    Message::new("C028", "`{key}`: the program \"{value}\" has no absolute path", "`{key}`：程序 \"{value}\" 不是绝对路径")
        .meaning(
            "no shell and no search path are used, so that always the same program runs",
            "不使用 shell 和搜索路径，以确保始终运行同一个程序",
        )
        .remedy("write the full path, as \"/usr/local/bin/program\"", "请写完整路径，例如 \"/usr/local/bin/program\""),
    Message::new("C029", "`{key}`: \"{value}\" cannot be the name of a variable", "`{key}`：\"{value}\" 不能用作变量名")
        .meaning("such names are lost or refused by programs", "这样的名称会被程序丢弃或拒绝")
        .remedy("use letters, digits and '_', not beginning with a digit", "请使用字母、数字和“_”，且不以数字开头"),
    Message::new("C030", "cannot read the key file {path}: {reason}", "无法读取密钥文件 {path}：{reason}")
        .meaning("without the key no heartbeat can be told from a forged one", "没有密钥，就无法区分真假心跳")
        .remedy(
            "copy the same file to both nodes, owner root, mode 0600; `hotpair init` makes one",
            "请把同一文件复制到两个节点，属主为 root，权限为 0600；`hotpair init` 可生成密钥",
        ),
    Message::new(
        "C031",
        "the key file {path} has mode {mode}: others than its owner can access it",
        "密钥文件 {path} 的权限为 {mode}：属主以外的用户可以访问",
    )
    .meaning(
        "who reads the key can forge heartbeats, and stop or cause a takeover",
        "读到密钥的人可以伪造心跳，从而阻止或引发接管",
    )
    .remedy(
        "chmod 0600 {path}; if strangers could log in here, make a new key",
        "请执行 chmod 0600 {path}；如果外人曾能登录本机，请生成新密钥",
    ),
    Message::new(
        "C032",
        "the key in {path} is too weak: {bytes} bytes, {distinct} different ones",
        "{path} 中的密钥太弱：{bytes} 个字节，其中只有 {distinct} 个不同的值",
    )
    .meaning("a key that can be guessed protects nothing", "可被猜到的密钥没有任何保护作用")
    .remedy(
        "make one of 32 random bytes: `hotpair init`, or `openssl rand -hex 32`",
        "请用 32 个随机字节生成密钥：`hotpair init` 或 `openssl rand -hex 32`",
    ),
    Message::new(
        "C033",
        "the key file {path} holds neither hexadecimal digits nor base64",
        "密钥文件 {path} 的内容既不是十六进制数字，也不是 base64",
    )
    .meaning("a pass phrase would be far easier to guess than a random key", "口令远比随机密钥容易被猜到")
    .remedy(
        "make one of 32 random bytes: `hotpair init`, or `openssl rand -hex 32`",
        "请用 32 个随机字节生成密钥：`hotpair init` 或 `openssl rand -hex 32`",
    ),
    Message::new("C034", "\"{value}\" is not a node of this file ({choices})", "文件中没有节点 \"{value}\"（节点为 {choices}）")
        .meaning("values for an unknown node would reach nobody", "未知节点的值不会被任何节点使用")
        .remedy("use one of {choices}", "请使用 {choices} 之一"),
    Message::new(
        "C035",
        "`{key}` is missing for node {node}",
        "节点 {node} 缺少 `{key}`",
    )
    .meaning("the two nodes need not be alike, so neither's value can be taken for the other's", "两个节点不必相同，因此不能互相借用对方的值")
    .remedy(
        "add `{key} = {example}` in {table}, with your value",
        "请在 {table} 中添加 `{key} = {example}`，并换成实际的值",
    ),
    Message::new("C036", "`{key}`: \"{value}\" is not an endpoint", "`{key}`：\"{value}\" 不是有效的端点")
        .meaning("nobody could be asked there", "无法向其发送请求")
        .remedy(
            "write it as \"https://host:2379\", nothing behind the port",
            "请写成 \"https://host:2379\" 的形式，端口之后不要有其他内容",
        ),
    Message::new("C040", "there is no heartbeat path", "没有配置心跳路径")
        .meaning("without one, the nodes cannot see each other at all", "没有心跳路径，两个节点就无法感知对方")
        .remedy(
            "add [[udp]] and [[serial]] tables, best several over different media",
            "请添加 [[udp]] 和 [[serial]] 表，最好通过不同介质配置多条路径",
        ),
    Message::new("C041", "both ends of the path have the address {address}", "路径两端的地址都是 {address}")
        .meaning("a node would hear itself and take it for the peer", "节点会收到自己的心跳，误以为来自对端")
        .remedy("give each node its own address", "请为每个节点填写各自的地址"),
    Message::new(
        "C042",
        "the two ends are of different families: {first} and {second}",
        "路径两端的地址族不同：{first} 和 {second}",
    )
    .meaning("IPv4 and IPv6 hosts cannot send to each other", "IPv4 与 IPv6 主机无法直接通信")
    .remedy("use IPv4 on both or IPv6 on both", "请两端同时使用 IPv4 或同时使用 IPv6"),
    Message::new(
        "C043",
        "{address} port {port} is already used by path {path}",
        "{address} 端口 {port} 已被路径 {path} 使用",
    )
    .meaning("two paths on one socket fail together, and are one path", "两条路径共用一个套接字，会同时失效，实际上只是一条路径")
    .remedy("use another interface and address", "请使用其他网卡和地址"),
    Message::new(
        "C044",
        "port {port} is used by path {path} and by the safety check",
        "端口 {port} 同时被路径 {path} 和安全检查使用",
    )
    .meaning(
        "the safety check asks another process through another socket; that is its worth",
        "安全检查的价值在于通过另一个套接字询问另一个进程",
    )
    .remedy("choose another port for one of them", "请为其中之一选择其他端口"),
    Message::new("C045", "{address} is a loopback address", "{address} 是环回地址")
        .meaning("it never leaves the node", "该地址不会离开本节点")
        .remedy("give the address of a real interface", "请填写实际网卡的地址"),
    Message::new(
        "C046",
        "a heartbeat each {interval} needs more than half of a line of {baud} bit/s",
        "每 {interval} 发送一次心跳，会占用 {baud} bit/s 线路一半以上的带宽",
    )
    .meaning(
        "frames of up to {bytes} bytes would queue up, heartbeats come late, and the path would go down by itself",
        "最长 {bytes} 字节的帧会排队，心跳会延迟到达，路径会自行判为中断",
    )
    .remedy("set interval to {smallest} or more, or raise baud", "请将 interval 设为 {smallest} 或更大，或提高 baud"),
    Message::new("C047", "{device} is already used by path {path}", "{device} 已被路径 {path} 使用")
        .meaning("two paths on one line would garble each other", "两条路径共用一条线路会互相干扰")
        .remedy("give each path its own device", "请为每条路径使用各自的设备"),
    Message::new("C048", "the reference {address} is an address of the pair itself", "参考地址 {address} 是双机对自身的地址")
        .meaning(
            "references tell whether this node is cut off; an own address always answers, the peer's never when it is dead",
            "参考地址用于判断本节点是否被隔离；自己的地址总会应答，而对端失效后永远不会应答",
        )
        .remedy("use a third party: the gateway, a switch, a name server", "请使用第三方地址：网关、交换机或域名服务器"),
    Message::new("C049", "{address} already belongs to the other node", "{address} 已属于另一个节点")
        .meaning(
            "the safety check would take this node's own answer for a sign of life of its peer",
            "安全检查会把本节点自己的应答误认为对端的生命迹象",
        )
        .remedy("remove it from one of the two", "请从其中一个节点中删除"),
    Message::new("C050", "{count} heartbeat paths are configured; {most} can be run", "配置了 {count} 条心跳路径；最多可运行 {most} 条")
        .meaning(
            "every heartbeat reports on all paths, and must still fit the slowest line",
            "每个心跳都报告所有路径的状态，且必须能通过最慢的线路",
        )
        .remedy("remove some; two or three over different media serve best", "请删除一部分；两到三条不同介质的路径效果最好"),
    Message::new(
        "C051",
        "the path names {name} and {other} have the same 16-bit tag on the wire",
        "路径名称 {name} 与 {other} 在线路上的 16 位标记相同",
    )
    .meaning("heartbeats of one would be taken for the other's", "其中一条路径的心跳会被误认为来自另一条")
    .remedy("rename one of them; almost any other name will do", "请重命名其中一个；几乎任何其他名称都可以"),
    Message::new("C060", "group {group} has no resources", "服务组 {group} 没有资源")
        .meaning("there is nothing in it to protect", "其中没有需要保护的内容")
        .remedy("add [[group.resource]] tables, or remove the group", "请添加 [[group.resource]] 表，或删除该服务组"),
    Message::new("C061", "`after` names {name}, which is no resource of this group", "`after` 中的 {name} 不是本服务组的资源")
        .meaning("the order of start and stop cannot be kept", "无法保证启动和停止的顺序")
        .remedy("name resources of the same group, or use []", "请填写同一服务组中的资源，或使用 []"),
    Message::new(
        "C062",
        "`after` names {name}, which is no resource of this group; did you mean {suggestion}?",
        "`after` 中的 {name} 不是本服务组的资源；是否应为 {suggestion}？",
    )
    .meaning("the order of start and stop cannot be kept", "无法保证启动和停止的顺序")
    .remedy("name resources of the same group, or use []", "请填写同一服务组中的资源，或使用 []"),
    Message::new("C063", "these resources wait for each other: {names}", "以下资源互相等待：{names}")
        .meaning("none of them could ever start", "它们都永远无法启动")
        .remedy("remove one of the `after` entries", "请删除其中一个 `after` 条目"),
    Message::new("C065", "the address {address} is already {other}", "地址 {address} 已用于 {other}")
        .meaning("the groups could run on different nodes, and both would hold it", "两个服务组可能运行在不同节点上，从而同时占用该地址")
        .remedy("give each its own address, or put all into one group", "请使用各自的地址，或合并为一个服务组"),
    Message::new("C066", "the mount point {path} is already used by {other}", "挂载点 {path} 已被 {other} 使用")
        .meaning("one volume would hide the other", "一个卷会遮住另一个卷")
        .remedy("choose another mount point", "请选择其他挂载点"),
    Message::new("C067", "the virtual address {address} is an address of a node", "虚拟地址 {address} 是某个节点自身的地址")
        .meaning(
            "a virtual address moves; a node's own address must stay, for heartbeats and for the safety check",
            "虚拟地址会移动；节点自身的地址必须固定，用于心跳和安全检查",
        )
        .remedy("use an address that no host has", "请使用没有被任何主机占用的地址"),
    Message::new(
        "C068",
        "volume {resource} has no protection, and group {group} no lease",
        "卷 {resource} 没有保护，服务组 {group} 也没有租约",
    )
    .meaning(
        "when the nodes cannot see each other, both could write the volume and destroy it",
        "当两个节点互相不可见时，可能同时写入该卷并将其损坏",
    )
    .remedy(
        "use protection = \"lease\" or \"mmp\", or give the group a `lease` that a takeover waits out",
        "请使用 protection = \"lease\" 或 \"mmp\"，或为服务组设置 `lease`，使接管等待租约到期",
    ),
    Message::new(
        "C069",
        "group {group} requires the guarantee \"{wanted}\", and this configuration reaches \"{reached}\"",
        "服务组 {group} 要求保证级别 \"{wanted}\"，但当前配置只能达到 \"{reached}\"",
    )
    .meaning("the group would never be taken over", "该服务组将永远不会被接管")
    .remedy(
        "leased: a `lease` and addresses only; storage: protection on every volume; witnessed: [witness] and a `lease` of the group; fenced: a [[fence]] device for each node; or lower `require`",
        "leased：设置 `lease` 且仅包含地址；storage：每个卷都设置保护；witnessed：设置 [witness] 以及该组的 `lease`；fenced：为每个节点设置 [[fence]] 设备；或降低 `require`",
    ),
    Message::new(
        "C070",
        "the lease of {lease} is not longer than detection and safety check together ({needed})",
        "租约 {lease} 不长于检测时间与安全检查时间之和（{needed}）",
    )
    .meaning(
        "the active node would stop its services while its peer is still being judged",
        "在对端状态尚未判定之前，活动节点就会停止服务",
    )
    .remedy("choose a lease longer than {needed}, or faster paths", "请选择长于 {needed} 的租约，或使用更快的路径"),
    Message::new(
        "C071",
        "{address} cannot tell whether the network of {vip} works",
        "{address} 无法用于判断 {vip} 的网络是否正常",
    )
    .meaning("it is the virtual address itself, or of the other address family", "它是虚拟地址本身，或属于另一个地址族")
    .remedy(
        "use addresses of third parties in the same network, as the gateway",
        "请使用同一网络中第三方的地址，例如网关",
    ),
    Message::new("C072", "the device {device} is already used by {other}", "设备 {device} 已被 {other} 使用")
        .meaning("two mounts of one volume on two nodes destroy it", "同一个卷在两个节点上挂载会将其损坏")
        .remedy("use one resource for one volume", "每个卷请只使用一个资源"),
    Message::new("C073", "the lease device {device} is part of the volume it protects", "租约设备 {device} 是其所保护卷的一部分")
        .meaning("the lease must be readable and writable while the volume is not mounted", "卷未挂载时，租约也必须可以读写")
        .remedy("use a small partition or device of its own", "请使用单独的小分区或设备"),
    Message::new("C074", "multiple-mount protection is a feature of ext4, not of {fs}", "多重挂载保护是 ext4 的功能，{fs} 不具备")
        .meaning("nothing would keep the other node from writing", "将没有任何手段阻止另一个节点写入")
        .remedy("use protection = \"lease\", or ext4", "请使用 protection = \"lease\"，或改用 ext4"),
    Message::new("C075", "the mount option \"{option}\" is not possible here", "此处不能使用挂载选项 \"{option}\"")
        .meaning(
            "options are single words, and a protected volume is mounted for writing",
            "选项必须是单个单词，且受保护的卷以可写方式挂载",
        )
        .remedy("write each option as an entry of its own; remove \"ro\"", "请将每个选项写成单独的条目；并删除 \"ro\""),
    Message::new("C079", "exit code {code} means both running and stopped", "退出码 {code} 同时表示运行中和已停止")
        .meaning("the state of the program could not be told", "无法判断程序的状态")
        .remedy("put each code into one list only", "请让每个退出码只出现在一个列表中"),
    Message::new("C080", "`{key}` is given without `{other}`", "设置了 `{key}`，但没有设置 `{other}`")
        .meaning("one is of no use without the other", "二者缺一不可")
        .remedy("add `{other}`, or remove `{key}`", "请添加 `{other}`，或删除 `{key}`"),
    Message::new("C081", "`{key}` is {value}; it must be whole seconds", "`{key}` 为 {value}；必须是整秒")
        .meaning(
            "the other side counts in whole seconds, and rounding would break the promise that rests on it",
            "对方以整秒计时，取整会破坏以此为基础的保证",
        )
        .remedy("write whole seconds, as \"6s\"", "请写成整秒，例如 \"6s\""),
    Message::new(
        "C082",
        "a vote of {ttl} cannot be renewed three times when each try may take {timeout}",
        "每次请求最长 {timeout}，{ttl} 的投票来不及续期三次",
    )
    .meaning(
        "one slow answer would cost the active node its vote, and with it the service",
        "一次缓慢的应答就会使活动节点失去投票，进而停止服务",
    )
    .remedy("make timeout at most a third of ttl", "请使 timeout 不超过 ttl 的三分之一"),
    Message::new("C083", "{endpoint} is not encrypted, but `{key}` is given", "{endpoint} 未加密，但设置了 `{key}`")
        .meaning(
            "certificates would be ignored, and a password would go over the network for everybody to read",
            "证书会被忽略，密码会以明文在网络上传输",
        )
        .remedy("use https:// for every endpoint", "请让所有端点都使用 https://"),
    Message::new(
        "C084",
        "both nodes would switch each other off at the same moment (delays {first} and {second})",
        "两个节点会在同一时刻互相切断（延迟为 {first} 和 {second}）",
    )
    .meaning(
        "when every path is cut, each takes the other for dead; without a delay on one side both go down",
        "当所有路径中断时，双方都会认为对方已失效；若没有一方延迟，两者都会停机",
    )
    .remedy(
        "give the devices of one node a `delay` longer than switching off takes, as \"15s\"; that node survives",
        "请为其中一个节点的设备设置 `delay`，长于切断电源所需的时间，例如 \"15s\"；该节点将得以保留",
    ),
    Message::new("C085", "the agent's parameter `{key}` is hotpair's to give", "代理参数 `{key}` 由 hotpair 自己给出")
        .meaning("what is asked of the device would not be what was decided", "否则对设备的请求会与所作的决定不符")
        .remedy("use `action`, `delay` and `timeout` of [[fence]] instead", "请改用 [[fence]] 的 `action`、`delay` 和 `timeout`"),
    Message::new("C086", "`{key}` is given both as a parameter and as a secret", "`{key}` 既是普通参数，又是保密参数")
        .meaning("only one of them would be used", "只有其中一个会被使用")
        .remedy("keep it under `secrets` if it is one", "若需要保密，请只保留在 `secrets` 中"),
    Message::new("C087", "offset {offset} is not a multiple of 4096", "offset {offset} 不是 4096 的倍数")
        .meaning("disks are read and written in whole blocks, past every cache", "磁盘以整块读写，并绕过所有缓存")
        .remedy("choose 0, 4096, 8192 …", "请选择 0、4096、8192 等"),
    Message::new("C088", "{user} would use the same bytes of {device} as {other}", "{user} 与 {other} 会使用 {device} 的同一区域")
        .meaning("each would overwrite what the other wrote", "二者会互相覆盖")
        .remedy(
            "set them apart by `offset` (a path takes 12288 bytes, a disk lease the first 8192), or use another device",
            "请用 `offset` 将它们错开（路径占用 12288 字节，磁盘租约占用最前面的 8192 字节），或使用其他设备",
        ),
    Message::new(
        "C089",
        "{required} neighbours must answer, and {count} are configured",
        "要求有 {required} 个邻居应答，但只配置了 {count} 个",
    )
    .meaning("no round of the safety check could ever prove anything", "安全检查的任何一轮都永远无法得出结论")
    .remedy("add [[neighbour]] tables, or lower neighbours_required", "请添加 [[neighbour]] 表，或减小 neighbours_required"),
    Message::new("C090", "{address} is an address of the pair itself", "{address} 是双机对自身的地址")
        .meaning("a node cannot look at the peer from elsewhere", "节点自己无法从别处观察对端")
        .remedy("name another machine", "请填写另一台机器"),
    Message::new(
        "C091",
        "the watchdog ends a hanging owner of {what} too late: {watchdog} and {reset} for the reset need a wait of {needed}, and a takeover waits {take} (term {term})",
        "看门狗终止 {what} 卡住的拥有者过晚：{watchdog} 加上复位所需的 {reset}，要求等待 {needed}，而接管只等待 {take}（期限 {term}）",
    )
    .meaning(
        "the other node would already serve while the hanging one is not reset yet",
        "卡住的节点尚未复位时，另一节点就已开始提供服务",
    )
    .remedy(
        "make watchdog.timeout at most {longest} (\"-\": not possible), or this term at least {shortest}",
        "请将 watchdog.timeout 设为不超过 {longest}（“-”表示不可能），或将该期限设为至少 {shortest}",
    ),
    Message::new("C092", "{device} is, or lies in, the volume {volume}", "{device} 就是卷 {volume}，或位于其中")
        .meaning("file system and heartbeats would overwrite each other", "文件系统和心跳会互相覆盖")
        .remedy(
            "use a partition of its own, or the head of the disk before its first partition",
            "请使用单独的分区，或磁盘第一个分区之前的空闲区域",
        ),
    Message::new("C093", "{address} is already the neighbour {other}", "{address} 已是邻居 {other}")
        .meaning("one machine would count twice", "同一台机器会被计算两次")
        .remedy("remove one of the two", "请删除其中一个"),
    Message::new(
        "C094",
        "the lease of {group} ({lease}) is renewed each {each}, and the watchdog fires after {watchdog}",
        "服务组 {group} 的租约（{lease}）每 {each} 续期一次，而看门狗在 {watchdog} 后触发",
    )
    .meaning(
        "the watchdog is petted only when the right was renewed, so it would reset a healthy node",
        "看门狗只在权利续期时才被喂，因此它会复位健康的节点",
    )
    .remedy(
        "make the lease shorter than three times watchdog.timeout",
        "请使租约短于 watchdog.timeout 的三倍",
    ),
    Message::new("C099", "internal error: a value is missing although no mistake was found", "内部错误：未发现问题，但缺少某个值")
        .meaning("this is a mistake in hotpair, not in the file", "这是 hotpair 自身的错误，而不是配置文件的错误")
        .remedy("please report it, with the file and without the key", "请提交问题报告，附上配置文件（不要附密钥）"),
    Message::new("C101", "there is one heartbeat path only: {path}", "只有一条心跳路径：{path}")
        .meaning(
            "when it fails, the safety check alone stands between a broken cable and a needless takeover",
            "一旦它中断，只有安全检查能避免因线路故障而进行不必要的接管",
        )
        .remedy("add a second path over another medium, best a serial line", "请通过其他介质添加第二条路径，最好是串口线"),
    Message::new("C102", "all {count} heartbeat paths use one medium, {medium}", "全部 {count} 条心跳路径都使用同一种介质：{medium}")
        .meaning(
            "one fault of that medium (driver, firewall rule, network stack) ends all of them at once",
            "该介质的一个故障（驱动、防火墙规则、网络协议栈）会使它们同时中断",
        )
        .remedy("add a path over another medium", "请添加使用其他介质的路径"),
    Message::new(
        "C103",
        "all UDP paths of node {node} run over interface {interface}",
        "节点 {node} 的所有 UDP 路径都使用网卡 {interface}",
    )
    .meaning("one card or cable is then a single point of failure", "这张网卡或这根网线就成了单点故障")
    .remedy("use a second interface, cabled to another switch or directly", "请使用第二张网卡，连接到另一台交换机或直接相连"),
    Message::new("C104", "all UDP paths run in the network of {address}", "所有 UDP 路径都在 {address} 所在的网络中")
        .meaning(
            "one switch, or one wrong network setting, ends all of them at once",
            "一台交换机或一处网络设置错误，会使它们同时中断",
        )
        .remedy("put one path on a network of its own, best a direct cable", "请让其中一条路径使用独立的网络，最好用直连网线"),
    Message::new("C105", "there is no serial path", "没有串口路径")
        .meaning(
            "a null-modem line is the one path that no network fault can touch",
            "串口直连线是唯一不受任何网络故障影响的路径",
        )
        .remedy("connect the two nodes by RS-232 and add a [[serial]] path", "请用 RS-232 连接两个节点，并添加 [[serial]] 路径"),
    Message::new("C106", "no reference addresses are configured", "没有配置参考地址")
        .meaning(
            "a node whose own network is cut cannot tell that from a dead peer",
            "自身网络中断的节点，无法与对端失效的情况区分开",
        )
        .remedy("give [safety_check] references, as the gateway", "请在 [safety_check] 中设置 references，例如网关地址"),
    Message::new(
        "C107",
        "{address} is served on interface {interface} of {node}, which carries no heartbeat path",
        "{address} 由节点 {node} 的网卡 {interface} 承载，但该网卡上没有心跳路径",
    )
    .meaning(
        "the network that clients use is then the one that heartbeats do not watch",
        "客户端使用的网络恰好没有心跳监视",
    )
    .remedy("add a [[udp]] path over {interface}", "请添加经过 {interface} 的 [[udp]] 路径"),
    Message::new("C108", "group {group} may run on one node only", "服务组 {group} 只能在一个节点上运行")
        .meaning("it is restarted there, and never fails over", "它只会在该节点上重启，永远不会切换")
        .remedy("name both nodes, unless this is meant", "如非有意，请填写两个节点"),
    Message::new(
        "C110",
        "a takeover waits for the disk lease of {lease}, longer than detection ({detection})",
        "接管需等待磁盘租约 {lease} 到期，长于检测时间（{detection}）",
    )
    .meaning("the lease, not the heartbeats, then decides how long the outage is", "此时中断时间由租约而不是心跳决定")
    .remedy("shorten lease_duration, or accept the longer outage", "请缩短 lease_duration，或接受更长的中断时间"),
    Message::new(
        "C111",
        "a takeover after silence waits out the lease of {lease} beside detection ({detection})",
        "静默后的接管，除检测时间（{detection}）外，还需等待租约 {lease} 到期",
    )
    .meaning("that is the price of the safety it gives", "这是获得安全性的代价")
    .remedy("shorten the lease as far as the paths allow, or accept the longer outage", "请在路径允许的范围内缩短租约，或接受更长的中断时间"),
    Message::new("C112", "volume {resource} has no protection of its own", "卷 {resource} 自身没有保护")
        .meaning(
            "only the group's lease keeps two nodes from writing it; a frozen and resumed node could still finish a write",
            "只有服务组的租约能防止两个节点同时写入；冻结后恢复的节点仍可能完成一次写入",
        )
        .remedy("use protection = \"lease\" or \"mmp\"", "请使用 protection = \"lease\" 或 \"mmp\""),
    Message::new("C114", "there are no groups", "没有配置服务组")
        .meaning("the nodes watch each other and protect nothing", "两个节点只是互相监视，没有保护任何服务")
        .remedy("add [[group]] with its resources", "请添加 [[group]] 及其资源"),
    Message::new("C115", "a node that boots alone may serve every group", "单独启动的节点可以运行所有服务组")
        .meaning(
            "after a power cut with a broken link both nodes boot alone, and both would serve",
            "如果断电后链路损坏，两个节点都会单独启动，并同时提供服务",
        )
        .remedy("use alone = \"last-active\", unless this is meant", "如非有意，请使用 alone = \"last-active\""),
    Message::new("C116", "votes at {endpoint} go over the network unprotected", "发往 {endpoint} 的投票在网络上未受保护")
        .meaning(
            "whoever can change that traffic can give the vote to either node",
            "能够篡改该流量的人可以把投票交给任一节点",
        )
        .remedy("let etcd use TLS, and write https://", "请让 etcd 使用 TLS，并写成 https://"),
    Message::new("C117", "the watchdog is never armed: no group has a lease", "看门狗永远不会启用：没有任何服务组设置租约")
        .meaning(
            "it is petted when a right is renewed, and there is no right that ends",
            "它在权利续期时被喂，而这里没有会到期的权利",
        )
        .remedy(
            "give exclusive groups a `lease`, or volumes protection = \"lease\"; or remove [watchdog]",
            "请为独占的服务组设置 `lease`，或为卷设置 protection = \"lease\"；或删除 [watchdog]",
        ),
    Message::new("C118", "no fence device switches {node} off", "没有能切断 {node} 的隔离设备")
        .meaning(
            "a takeover from {node} lacks the proof that it is off",
            "从 {node} 接管时，缺少它已断电的证明",
        )
        .remedy("add a [[fence]] for {node}", "请为 {node} 添加 [[fence]]"),
    Message::new("C119", "the fence delays of the two nodes differ by {gap} only", "两个节点的隔离延迟只相差 {gap}")
        .meaning(
            "switching off often takes longer, and then both nodes go down",
            "切断电源往往需要更长的时间，此时两个节点都会停机",
        )
        .remedy(
            "make the difference longer than the device needs, as 15s",
            "请使差值长于设备所需的时间，例如 15s",
        ),
    Message::new(
        "C120",
        "group {group} does not require \"witnessed\": without an answer of the witness it goes on without a vote",
        "服务组 {group} 没有要求 \"witnessed\"：见证者没有应答时，它会在没有投票的情况下继续",
    )
    .meaning(
        "a vote forbids a takeover while the other node holds it, but guarantees nothing when the witness is away",
        "当另一节点持有投票时，投票会禁止接管；但见证者不可达时，它不提供任何保证",
    )
    .remedy(
        "write require = \"witnessed\" and a `lease`, if the group should rather wait",
        "如果希望宁可等待，请设置 require = \"witnessed\" 和 `lease`",
    ),
    Message::new(
        "C121",
        "group {group} does not require \"fenced\": when switching off fails it is taken over all the same",
        "服务组 {group} 没有要求 \"fenced\"：切断失败时仍会接管",
    )
    .meaning(
        "fencing is then an attempt, not a guarantee",
        "此时隔离只是一种尝试，而不是保证",
    )
    .remedy(
        "write require = \"fenced\", if the group should rather wait for a person",
        "如果希望宁可等待人工处理，请设置 require = \"fenced\"",
    ),
    Message::new(
        "C122",
        "a takeover waits until the vote of the other node has ended, {ttl} after its last renewal; detection takes {detection}",
        "接管需等待另一节点的投票到期，即最后一次续期后的 {ttl}；检测需要 {detection}",
    )
    .meaning("the vote, not the heartbeats, then decides how long the outage is", "此时中断时间由投票而不是心跳决定")
    .remedy("shorten witness.ttl as far as the network to etcd allows, or accept the longer outage", "请在到 etcd 的网络允许的范围内缩短 witness.ttl，或接受更长的中断时间"),
    Message::new("C199", "errors: {errors}, warnings: {warnings}", "错误：{errors}，警告：{warnings}"),
    Message::new(
        "C201",
        "evidence: exclusive unless every heartbeat path and every network between the nodes is cut while both are alive",
        "evidence（证据）：除非两个节点都存活，而它们之间的所有心跳路径和所有网络同时中断，否则不会同时提供服务",
    ),
    Message::new(
        "C202",
        "leased: exclusive unless every path and network between the nodes is cut while both are alive, and then both hold the addresses no longer than the lease",
        "leased（租约）：除非两个节点都存活，而它们之间的所有路径和网络同时中断；即使如此，两者同时持有地址的时间也不会超过租约",
    ),
    Message::new(
        "C203",
        "storage: the volume is never written by both nodes; addresses and programs are exclusive unless every path and network is cut while both are alive",
        "storage（存储）：卷绝不会被两个节点同时写入；除非两个节点都存活而所有路径和网络同时中断，否则地址和程序也不会同时运行",
    ),
    Message::new(
        "C204",
        "witnessed: exclusive, also while every path and network between the nodes is cut, unless the clocks drift apart by more than 1 in 1000 or the watchdog does not reset a node that hangs",
        "witnessed（见证）：即使两个节点之间的所有路径和网络都中断，也不会同时提供服务；除非时钟漂移超过千分之一，或看门狗未能复位卡住的节点",
    ),
    Message::new(
        "C205",
        "fenced: exclusive unless the fence device reports a power-off that did not happen",
        "fenced（隔离）：除非隔离设备谎报断电，否则不会同时提供服务",
    ),
    Message::new(
        "C206",
        "witnessed, without a watchdog: exclusive, also while every path and network between the nodes is cut, unless a node or its programs stand still for longer than its lease at that time and go on afterwards, or the clocks drift apart by more than 1 in 1000",
        "witnessed（见证），没有看门狗：即使两个节点之间的所有路径和网络都中断，也不会同时提供服务；除非此时某个节点或其程序停顿超过租约后又继续运行，或时钟漂移超过千分之一",
    ),
    Message::new(
        "C207",
        "storage, by a disk lease without a watchdog: the volume is written by both nodes only if every path and network between them is cut and the owner's resd alone, or the whole machine, stands still for longer than the disk lease while its programs write on; addresses and programs are exclusive unless every path and network is cut while both are alive",
        "storage（存储），使用磁盘租约且没有看门狗：只有当两个节点之间的所有路径和网络都中断，并且拥有者的 resd 单独停顿（或整机停顿）超过磁盘租约而其程序继续写入时，卷才会被两个节点同时写入；除非两个节点都存活而所有路径和网络同时中断，否则地址和程序也不会同时运行",
    ),
    Message::new(
        "C208",
        "storage, by the multiple-mount protection of ext4: the volume is written by both nodes only if the whole owner stands still for longer than the protection's check and goes on while every path and network is cut; addresses and programs are exclusive unless every path and network is cut while both are alive",
        "storage（存储），使用 ext4 的多重挂载保护：只有当所有路径和网络都中断，并且拥有者整机停顿超过该保护的检查时间后又继续运行时，卷才会被两个节点同时写入；除非两个节点都存活而所有路径和网络同时中断，否则地址和程序也不会同时运行",
    ),
    Message::new(
        "C301",
        "Configuration of hotpair: the same file on both nodes. `hotpair check` says everything that is wrong with it and what it guarantees. Lines of the form `#key = value` show the default.",
        "hotpair 配置文件：两个节点上内容相同。`hotpair check` 会指出其中的所有错误以及它提供的保证。形如 `#key = value` 的行表示默认值。",
    ),
    Message::new("C302", "Configuration", "配置参考"),
    Message::new(
        "C303",
        "One TOML file, the same on both nodes, by default `/etc/hotpair/hotpair.toml`. `hotpair init` writes one, `hotpair check` reports every mistake at once with line, reason and remedy, warns of weak spots and states what the configuration guarantees.",
        "一个 TOML 文件，两个节点上内容相同，默认为 `/etc/hotpair/hotpair.toml`。`hotpair init` 可生成该文件；`hotpair check` 会一次报告所有错误，并给出行号、原因和建议，同时提示薄弱之处，说明该配置提供的保证。",
    ),
    Message::new(
        "C304",
        "Durations are whole numbers with units: `us`, `ms`, `s`, `m`, `h`, `d`, as `\"100ms\"` or `\"1m30s\"`. Keys that may differ between the nodes are given once for both, or in a table `[….node.NAME]` below their own. Keys that are not given have their default; nothing that is wrong is replaced by one.",
        "时长写成整数加单位：`us`、`ms`、`s`、`m`、`h`、`d`，例如 `\"100ms\"` 或 `\"1m30s\"`。两个节点可以不同的键，可以只写一次供两个节点共用，也可以写在其所属表下的 `[….node.NAME]` 表中。未填写的键使用默认值；错误的值绝不会被默认值替代。",
    ),
    Message::new("C305", "Guarantee levels", "保证级别"),
    Message::new(
        "C306",
        "What a configuration really guarantees against both nodes serving at once is computed for each group from its resources, and shown by `hotpair check` and `hotpair status`. `require` demands a level. From weakest to strongest:",
        "配置真正能提供何种保证，防止两个节点同时提供服务，由每个服务组的资源计算得出，并由 `hotpair check` 和 `hotpair status` 显示。`require` 可要求某一级别。由弱到强依次为：",
    ),
];
