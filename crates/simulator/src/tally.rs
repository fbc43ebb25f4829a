//! What a sweep has covered: seeds, simulated time, faults by kind, and which kind came before which in one run.

use crate::faults::Plan;
use crate::{Failure, Options, Report, SIMULATED, profile_of};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// See the file's head.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Seeds played.
    pub seeds: u64,
    /// The first one.
    pub from: u64,
    /// Steps of the world, each followed by the invariants it concerns.
    pub steps: u64,
    /// Takeovers from a silent peer.
    pub takeovers: u64,
    /// First starts and planned moves.
    pub takes: u64,
    /// Nodes switched off by fence devices.
    pub fenced: u64,
    /// Nodes reset by their watchdogs.
    pub resets: u64,
    /// Seeds by profile.
    pub profiles: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often the first kind began before the second in one run.
    pub pairs: BTreeMap<(&'static str, &'static str), u64>,
    /// What did not hold, by seed.
    pub failures: BTreeMap<u64, String>,
    /// Wall time.
    pub seconds: f64,
    /// Processor time.
    pub cpu_seconds: f64,
    /// Pair-hours per minute of one processor with nothing going on, if measured.
    pub calm_speed: Option<f64>,
}

impl Tally {
    /// One seed more.
    pub fn count(&mut self, seed: u64, plan: &Plan, outcome: Result<Report, Box<Failure>>) {
        self.seeds += 1;
        *self.profiles.entry(format!("{:?}", profile_of(seed, Options::default()))).or_default() += 1;
        let names: Vec<&'static str> = plan.iter().filter_map(|(_, fault)| fault.name()).collect();
        for (at, name) in names.iter().enumerate() {
            *self.faults.entry(name).or_default() += 1;
            for later in names.iter().skip(at + 1) {
                *self.pairs.entry((name, later)).or_default() += 1;
            }
        }
        match outcome {
            Ok(report) => {
                self.steps += report.steps;
                self.takeovers += report.takeovers;
                self.takes += report.takes;
                self.fenced += report.fenced;
                self.resets += report.resets;
            }
            Err(failure) => {
                self.failures.insert(seed, format!("{}: {}", failure.invariant, failure.text));
            }
        }
    }

    /// Another thread's part.
    pub fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.takeovers += other.takeovers;
        self.takes += other.takes;
        self.fenced += other.fenced;
        self.resets += other.resets;
        self.cpu_seconds += other.cpu_seconds;
        for (name, count) in other.profiles {
            *self.profiles.entry(name).or_default() += count;
        }
        for (name, count) in other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        for (pair, count) in other.pairs {
            *self.pairs.entry(pair).or_default() += count;
        }
        self.failures.extend(other.failures);
    }

    fn hours(&self) -> f64 {
        self.seeds as f64 * SIMULATED.as_secs_f64() / 3600.0
    }

    fn per_minute_and_core(&self) -> f64 {
        self.hours() / self.cpu_seconds.max(1e-9) * 60.0
    }

    fn possible(&self) -> usize {
        self.faults.len() * self.faults.len()
    }

    fn rarest(&self) -> u64 {
        if self.pairs.len() < self.possible() { 0 } else { self.pairs.values().copied().min().unwrap_or(0) }
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let total: u64 = self.faults.values().sum();
        let _ = writeln!(
            out,
            "{} seeds from {}, {:.0} pair-hours simulated in {:.1} s ({:.1} s of processors)\n{:.0} seeds/s, {:.0} pair-hours/min; \
             {:.0} pair-hours/min on one processor\n{} steps, {} takeovers, {} first starts and planned moves, {} nodes fenced, {} reset by watchdogs",
            self.seeds,
            self.from,
            self.hours(),
            self.seconds,
            self.cpu_seconds,
            self.seeds as f64 / self.seconds.max(1e-9),
            self.hours() / self.seconds.max(1e-9) * 60.0,
            self.per_minute_and_core(),
            self.steps,
            self.takeovers,
            self.takes,
            self.fenced,
            self.resets
        );
        if let Some(speed) = self.calm_speed {
            let _ = writeln!(out, "a calm pair: {speed:.0} pair-hours/min on one processor");
        }
        let _ = writeln!(
            out,
            "{total} faults of {} kinds; {} of {} ordered pairs of kinds, the rarest {} times",
            self.faults.len(),
            self.pairs.len(),
            self.possible(),
            self.rarest()
        );
        for (name, count) in &self.faults {
            let _ = writeln!(out, "  {name:<32} {count:>9}");
        }
        let _ = writeln!(out, "{} seeds in which something did not hold", self.failures.len());
        let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (seed, text) in &self.failures {
            kinds.entry(text.split(':').next().unwrap_or_default()).or_default().push(*seed);
        }
        for (kind, seeds) in kinds {
            let some: Vec<String> = seeds.iter().take(8).map(ToString::to_string).collect();
            let _ = writeln!(out, "  {kind}: {} seeds ({})", seeds.len(), some.join(" "));
        }
        out
    }

    /// The table of ordered pairs, as comma-separated values: rows come first, columns later.
    pub fn matrix(&self) -> String {
        let names: BTreeSet<&str> = self.faults.keys().copied().collect();
        let mut out = format!("first \\ later,{}\n", names.iter().copied().collect::<Vec<_>>().join(","));
        for first in self.faults.keys() {
            let _ = write!(out, "{first}");
            for later in self.faults.keys() {
                let _ = write!(out, ",{}", self.pairs.get(&(*first, *later)).copied().unwrap_or(0));
            }
            out.push('\n');
        }
        out
    }

    /// The page of the documentation.
    pub fn page(&self, chinese: bool) -> String {
        let mut out = String::new();
        let total: u64 = self.faults.values().sum();
        let rows = [
            (["Seeds", "种子数"], format!("{} – {}", self.from, self.from + self.seeds.saturating_sub(1))),
            (["Simulated pair-hours", "模拟的双机小时数"], format!("{:.0}", self.hours())),
            (["Steps", "步数"], self.steps.to_string()),
            (["Takeovers", "接管次数"], self.takeovers.to_string()),
            (["First starts and planned moves", "首次启动与计划切换次数"], self.takes.to_string()),
            (["Nodes switched off by fence devices", "被围栏设备断电的节点数"], self.fenced.to_string()),
            (["Nodes reset by their watchdogs", "被看门狗复位的节点数"], self.resets.to_string()),
            (["Faults", "故障次数"], total.to_string()),
            (["Kinds of faults", "故障种类"], self.faults.len().to_string()),
            (
                ["Ordered pairs of kinds that occurred", "出现过的有序故障对"],
                format!("{} / {}", self.pairs.len(), self.possible()),
            ),
            (["Rarest pair", "最少见的一对出现次数"], self.rarest().to_string()),
            (
                ["Pair-hours a minute on one processor, with faults", "单核每分钟模拟的双机小时数（有故障）"],
                format!("{:.0}", self.per_minute_and_core()),
            ),
            (
                ["Pair-hours a minute on one processor, calm", "单核每分钟模拟的双机小时数（无故障）"],
                self.calm_speed.map_or_else(|| "–".to_string(), |s| format!("{s:.0}")),
            ),
            (["Seeds in which a statement did not hold", "违反不变量的种子数"], self.failures.len().to_string()),
        ];
        let word = |pair: [&'static str; 2]| pair[usize::from(chinese)];
        out.push_str(word([
            "# What the simulator has played\n\nWritten by `make sim` (`--summary`); the figures are those of the sweep itself. \
             Two whole nodes are made of the cores that run in production; a seed draws configuration, faults, orders and delays, \
             and after every step each statement that it could concern is asked (`crates/simulator/src/invariants`, one file \
             each). After the faults a pair must settle with every group served by exactly one node.\n\n",
            "# 模拟器运行结果\n\n由 `make sim`（`--summary`）生成，数字来自该次运行本身。两个完整节点由生产环境运行的同一套核心代码组成；每个种子\
             决定配置、故障、操作与时延；每一步之后都检查它可能影响的全部不变量（`crates/simulator/src/invariants`，每个一个文件）。\
             故障结束后，双机必须收敛：每个服务组恰好由一个节点提供服务。\n\n",
        ]));
        out.push_str("| | |\n|---|---:|\n");
        for (name, value) in rows {
            let _ = writeln!(out, "| {} | {value} |", word(name));
        }
        let _ = writeln!(
            out,
            "\n## {}\n\n| {} | {} | {} | {} |\n|---|---:|---:|---:|",
            word(["Faults by kind", "按种类统计的故障"]),
            word(["Fault", "故障"]),
            word(["Times", "次数"]),
            word(["Other kinds that came after it", "在其后出现过的故障种类"]),
            word(["Rarest of them", "其中最少次数"])
        );
        for (name, count) in &self.faults {
            let after: Vec<u64> =
                self.faults.keys().filter_map(|later| self.pairs.get(&(*name, *later))).copied().collect();
            let _ =
                writeln!(out, "| {name} | {count} | {} | {} |", after.len(), after.iter().min().copied().unwrap_or(0));
        }
        out
    }
}
