//! Text for terminals: spans with a tone, tables aligned by the cells characters really take, wrapping with a hanging
//! indent, colour on or off. Rendering is pure: the same page and look give the same text, which the golden tests use.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing particular.
    #[default]
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// Green.
    Good,
    /// Yellow.
    Warn,
    /// Red.
    Bad,
    /// A name or an id.
    Accent,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let colour = |c: anstyle::AnsiColor| anstyle::Style::new().fg_color(Some(c.into()));
        match self {
            Self::Plain => anstyle::Style::new(),
            Self::Bold => anstyle::Style::new().bold(),
            Self::Dim => anstyle::Style::new().dimmed(),
            Self::Good => colour(anstyle::AnsiColor::Green),
            Self::Warn => colour(anstyle::AnsiColor::Yellow),
            Self::Bad => colour(anstyle::AnsiColor::Red).bold(),
            Self::Accent => colour(anstyle::AnsiColor::Cyan),
        }
    }
}

/// How a page is put on paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// ANSI colours.
    pub colour: bool,
    /// Cells per line; longer lines are wrapped. `None`: never wrap.
    pub width: Option<usize>,
    /// Only ASCII signs (a console that does not speak UTF-8). Words stay as they are.
    pub ascii: bool,
}

/// One line before wrapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(String, Tone)>,
    hang: usize,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with `indent` blanks; continuation lines start two further in.
    #[must_use]
    pub fn indented(indent: usize) -> Self {
        Self { spans: vec![(" ".repeat(indent), Tone::Plain)], hang: indent.saturating_add(2) }
    }

    /// Continuation lines start with so many blanks.
    #[must_use]
    pub fn hang(mut self, cells: usize) -> Self {
        self.hang = cells;
        self
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.tone(Tone::Plain, text)
    }

    /// Adds text of a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.spans.push((text.into(), tone));
        self
    }

    /// Adds another line's spans.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Cells it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(text, _)| text.width()).sum()
    }

    /// Fills with blanks up to so many cells.
    #[must_use]
    pub fn pad_to(self, cells: usize) -> Self {
        let missing = cells.saturating_sub(self.width());
        if missing == 0 { self } else { self.text(" ".repeat(missing)) }
    }

    fn chars(&self) -> impl Iterator<Item = (char, Tone)> + '_ {
        self.spans.iter().flat_map(|(text, tone)| text.chars().map(move |c| (c, *tone)))
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// Several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    lines: Vec<Line>,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl Into<Line>) {
        self.lines.push(line.into());
    }

    /// Adds an empty line, unless the page is empty.
    pub fn blank(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(Line::new());
        }
    }

    /// Adds an empty line and a heading.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.blank();
        self.lines.push(Line::new().tone(Tone::Bold, text));
    }

    /// Its lines, to be put below a row of another page's table.
    #[must_use]
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// Adds rows with aligned columns, two blanks between them, `indent` blanks before them. What does not fit wraps in
    /// the last column.
    pub fn table(&mut self, indent: usize, rows: Vec<Vec<Line>>) {
        self.table_with_notes(indent, rows.into_iter().map(|row| (row, Vec::new())).collect());
    }

    /// As [`Self::table`], with lines of their own below each row.
    pub fn table_with_notes(&mut self, indent: usize, rows: Vec<(Vec<Line>, Vec<Line>)>) {
        let columns = rows.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|(row, _)| row.get(at)).map(Line::width).max().unwrap_or(0))
            .collect();
        for (row, notes) in rows {
            let last = row.len().saturating_sub(1);
            let mut line = Line::indented(indent);
            let mut end = indent;
            for (at, cell) in row.into_iter().enumerate() {
                if at == last {
                    line = line.hang(end).join(cell);
                    break;
                }
                let width = widths.get(at).copied().unwrap_or(0);
                // A column that is empty everywhere takes no room.
                end = end.saturating_add(width).saturating_add(if width == 0 { 0 } else { 2 });
                line = line.join(cell).pad_to(end);
            }
            self.lines.push(line);
            self.lines.extend(notes);
        }
    }

    /// The text, each line ended by a line feed.
    #[must_use]
    pub fn render(&self, look: Look) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let chars: Vec<(char, Tone)> =
                line.chars().flat_map(|(c, t)| sign(c, look.ascii).map(move |c| (c, t))).collect();
            for part in wrap(chars, look.width, line.hang) {
                write_line(&mut out, &part, look.colour);
            }
        }
        out
    }
}

/// The few signs used beside words, for consoles without UTF-8.
fn sign(c: char, ascii: bool) -> impl Iterator<Item = char> {
    let text: &'static str = match (ascii, c) {
        (true, '●') => "*",
        (true, '·') => "-",
        (true, '→') => "->",
        (true, '…') => "...",
        (true, '—' | '–') => "-",
        (true, '✓') => "+",
        (true, '✗') => "x",
        _ => "",
    };
    let own = text.is_empty().then_some(c);
    text.chars().chain(own)
}

/// Chinese punctuation that may not begin a line.
const fn closes(c: char) -> bool {
    matches!(c, '，' | '。' | '：' | '；' | '、' | '）' | '？' | '！' | '》' | '”' | ')' | ',' | '.' | ':' | ';')
}

fn cells(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn wrap(chars: Vec<(char, Tone)>, width: Option<usize>, hang: usize) -> Vec<Vec<(char, Tone)>> {
    let total: usize = chars.iter().map(|(c, _)| cells(*c)).sum();
    let Some(width) = width.filter(|width| total > *width) else { return vec![chars] };
    // A hanging indent that leaves no room would never end.
    let hang = hang.min(width / 2);
    let mut done: Vec<Vec<(char, Tone)>> = Vec::new();
    let mut line: Vec<(char, Tone)> = Vec::new();
    let mut used = 0usize;
    let mut break_at: Option<usize> = None;
    let mut has_text = false;
    for (c, tone) in chars {
        let w = cells(c);
        let after_wide = line.last().is_some_and(|(p, _)| cells(*p) == 2 && !matches!(p, '（' | '《' | '“'));
        if has_text && ((w == 2 && !closes(c)) || (after_wide && !closes(c) && c != ' ')) {
            break_at = Some(line.len());
        }
        if used.saturating_add(w) > width {
            if c == ' ' {
                done.push(std::mem::take(&mut line));
                (line, used, break_at, has_text) = (blanks(hang), hang, None, false);
                continue;
            }
            let rest = line.split_off(break_at.unwrap_or(line.len()));
            done.push(std::mem::take(&mut line));
            line = blanks(hang);
            line.extend(rest);
            used = line.iter().map(|(c, _)| cells(*c)).sum();
            (break_at, has_text) = (None, line.len() > hang);
        }
        // A line that was just begun does not begin with a blank.
        if c == ' ' && !has_text && !done.is_empty() {
            continue;
        }
        has_text |= c != ' ';
        line.push((c, tone));
        used = used.saturating_add(w);
        if c == ' ' && has_text {
            break_at = Some(line.len());
        }
    }
    if has_text {
        done.push(line);
    }
    done
}

fn blanks(count: usize) -> Vec<(char, Tone)> {
    vec![(' ', Tone::Plain); count]
}

fn write_line(out: &mut String, chars: &[(char, Tone)], colour: bool) {
    let end = chars.iter().rposition(|(c, _)| *c != ' ').map_or(0, |at| at.saturating_add(1));
    let mut now = Tone::Plain;
    for (c, tone) in chars.iter().take(end) {
        // Blanks have no colour of their own: no change for them.
        if colour && *tone != now && *c != ' ' {
            out.push_str(&now.style().render_reset().to_string());
            out.push_str(&tone.style().render().to_string());
            now = *tone;
        }
        out.push(*c);
    }
    out.push_str(&now.style().render_reset().to_string().repeat(usize::from(colour)));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: usize) -> Look {
        Look { width: Some(width), ..Look::default() }
    }

    #[test]
    fn columns_align_by_cells_not_by_characters() {
        let mut page = Page::new();
        page.table(
            2,
            vec![vec!["节点".into(), "a".into()], vec!["node".into(), "b".into()], vec!["x".into(), "c".into()]],
        );
        assert_eq!(page.render(Look::default()), "  节点  a\n  node  b\n  x     c\n");
    }

    #[test]
    fn long_lines_wrap_at_words_with_a_hanging_indent_and_lose_nothing() {
        let mut page = Page::new();
        page.line(Line::indented(2).text("one two three four five six"));
        let text = page.render(plain(14));
        assert_eq!(text, "  one two\n    three four\n    five six\n");
        let joined: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(joined.join(" "), "one two three four five six");
    }

    #[test]
    fn chinese_wraps_between_characters_and_never_before_punctuation() {
        let mut page = Page::new();
        page.line("本机端口无载波，本机网卡");
        for width in 4..24 {
            let text = page.render(plain(width));
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line:?}");
                assert!(!line.starts_with('，'), "{width}: {text}");
            }
            assert_eq!(text.replace('\n', ""), "本机端口无载波，本机网卡", "{width}");
        }
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut_and_rendering_ends() {
        let mut page = Page::new();
        page.line(Line::indented(6).text("abcdefghijklmnopqrstuvwxyz"));
        for width in 1..12 {
            assert_eq!(page.render(plain(width)).replace(['\n', ' '], ""), "abcdefghijklmnopqrstuvwxyz", "{width}");
        }
    }

    #[test]
    fn without_colour_there_are_no_escapes_and_with_it_each_line_ends_reset() {
        let mut page = Page::new();
        page.line(Line::new().tone(Tone::Bad, "red").text(" and plain"));
        assert_eq!(page.render(Look::default()), "red and plain\n");
        let coloured = page.render(Look { colour: true, ..Look::default() });
        assert!(coloured.contains("\u{1b}[31m"), "{coloured:?}");
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), "red and plain\n");
        let mut red = Page::new();
        red.line(Line::new().tone(Tone::Bad, "red"));
        assert!(red.render(Look { colour: true, ..Look::default() }).ends_with("\u{1b}[0m\n"));
    }

    #[test]
    fn signs_have_ascii_replacements() {
        let mut page = Page::new();
        page.line("● a → b · c");
        assert_eq!(page.render(Look { ascii: true, ..Look::default() }), "* a -> b - c\n");
    }
}
