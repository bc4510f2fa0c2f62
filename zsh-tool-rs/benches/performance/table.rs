//! The printed table.

/// Prints one line per target, as soon as it is measured.
#[derive(Default)]
pub struct Table {
    lines: usize,
    missed: usize,
}

impl Table {
    pub fn heading(&mut self, text: &str) {
        if self.lines == 0 {
            println!("{:<58} {:>8} {:>9}", "", "target", "measured");
        }
        println!("\n{text}");
    }

    pub fn at_most(&mut self, what: &str, target: f64, measured: f64, detail: &str) {
        self.line(what, "≤", target, measured, measured <= target, detail);
    }

    pub fn at_least(&mut self, what: &str, target: f64, measured: f64, detail: &str) {
        self.line(what, "≥", target, measured, measured >= target, detail);
    }

    fn line(
        &mut self,
        what: &str,
        sign: &str,
        target: f64,
        measured: f64,
        met: bool,
        detail: &str,
    ) {
        let verdict = if met { "met" } else { "MISSED" };
        self.lines += 1;
        self.missed += usize::from(!met);
        println!("  {what:<56} {sign} {target:>5.2} {measured:>9.2}  {verdict:<7} {detail}");
    }

    pub fn summary(&self) {
        println!(
            "\n{} of {} targets met",
            self.lines - self.missed,
            self.lines
        );
    }
}
