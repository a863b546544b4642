//! A chart of lines as SVG, with no more than ours need.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
/// Room for what stands around: left, top, right, bottom.
const MARGIN: [f64; 4] = [70.0, 40.0, 20.0, 50.0];
/// Room for the name of a line.
const LEGEND: f64 = 110.0;
/// Distinct also for those who do not see red and green apart.
const COLORS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// What is drawn.
pub struct Chart<'a> {
    /// What it shows.
    pub title: &'a str,
    /// To the right.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// Names and points.
    pub lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

/// An axis.
#[derive(Clone, Copy)]
pub struct Axis<'a> {
    /// What is counted, and in what.
    pub label: &'a str,
    /// Where a value stands on it.
    pub scale: Scale,
}

/// Where values stand.
#[derive(Clone, Copy, PartialEq)]
pub enum Scale {
    /// From zero, evenly.
    Linear,
    /// Ten times as much is always as far.
    Log,
    /// A share: each nine more is always as far.
    Nines,
}

/// A scale over what there is to show.
struct Range {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Chart<'_> {
    /// The picture; none where there is nothing to draw.
    pub fn svg(&self) -> Option<String> {
        let values =
            |of: fn(&(f64, f64)) -> f64| self.lines.iter().flat_map(move |(_, points)| points.iter().map(of));
        let x = Range::over(self.x.scale, values(|point| point.0))?;
        let y = Range::over(self.y.scale, values(|point| point.1))?;
        let [left, top, right, bottom] = MARGIN;
        let across = |value| left + x.place(value) * (WIDTH - left - right);
        let up = |value| HEIGHT - bottom - y.place(value) * (HEIGHT - top - bottom);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"{left}\" y=\"20\" font-size=\"15\">{}</text>\n",
            self.title
        );
        let mut add = |line: String| svg.push_str(&(line + "\n"));
        for tick in x.ticks() {
            let at = across(tick);
            add(format!("<path d=\"M{at:.1} {top}V{:.1}\" stroke=\"#ddd\"/>", HEIGHT - bottom));
            let below = HEIGHT - bottom + 18.0;
            add(format!(
                "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
                x.written(tick)
            ));
        }
        for tick in y.ticks() {
            let at = up(tick);
            add(format!("<path d=\"M{left} {at:.1}H{}\" stroke=\"#ddd\"/>", WIDTH - right));
            let (beside, lower) = (left - 8.0, at + 4.0);
            add(format!(
                "<text x=\"{beside}\" y=\"{lower:.1}\" text-anchor=\"end\">{}</text>",
                y.written(tick)
            ));
        }
        let (middle, low) = ((left + WIDTH - right) / 2.0, HEIGHT - 12.0);
        add(format!("<text x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{}</text>", self.x.label));
        let center = (top + HEIGHT - bottom) / 2.0;
        add(format!(
            "<text transform=\"translate(16 {center}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.y.label
        ));
        for (number, (name, points)) in self.lines.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let end = WIDTH - right - LEGEND * (self.lines.len() - 1 - number) as f64;
            let mut path = String::new();
            for (place, (x, y)) in points.iter().enumerate() {
                let step = if place == 0 { 'M' } else { 'L' };
                write!(path, "{step}{:.1} {:.1}", across(*x), up(*y)).expect("text can be written to");
            }
            add(format!("<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.8\"/>"));
            add(format!("<text x=\"{end}\" y=\"20\" text-anchor=\"end\" fill=\"{color}\">{name}</text>"));
        }
        Some(svg + "</svg>\n")
    }
}

impl Range {
    fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let shown: Vec<f64> = values.filter(|value| scale != Scale::Log || *value > 0.0).collect();
        let least = shown.iter().copied().reduce(f64::min)?;
        let most = shown.iter().copied().reduce(f64::max)?;
        let (from, to) = match scale {
            Scale::Linear => (0.0, if most > 0.0 { most } else { 1.0 }),
            Scale::Log => {
                let from = 10_f64.powf(least.log10().floor());
                (from, 10_f64.powf(most.log10().ceil()).max(from * 10.0))
            }
            // What stands for all of them has no place among the nines: it is drawn at the next one.
            Scale::Nines => {
                (0.0, 1.0 - 0.1 * (1.0 - shown.iter().copied().filter(|s| *s < 1.0).fold(0.0, f64::max)))
            }
        };
        Some(Self { scale, from, to })
    }

    /// From 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let stretched = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(self.from).log10(),
            Scale::Nines => -(1.0 - value.min(self.to)).log10(),
        };
        (stretched(value) - stretched(self.from)) / (stretched(self.to) - stretched(self.from))
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let rough = self.to / 5.0;
                let power = 10_f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
                let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
                (0..).map(|number| f64::from(number) * step).take_while(|tick| *tick <= self.to).collect()
            }
            Scale::Log => {
                let tens = (0..).map(|power| self.from * 10_f64.powi(power));
                tens.take_while(|tick| *tick <= self.to * 1.001).collect()
            }
            Scale::Nines => {
                let nines = [0.0, 0.5].into_iter().chain((1..9).map(|nines| 1.0 - 10_f64.powi(-nines)));
                nines.take_while(|tick| *tick <= self.to).collect()
            }
        }
    }

    fn written(&self, tick: f64) -> String {
        match self.scale {
            Scale::Linear | Scale::Log => format!("{}", (tick * 1e6).round() / 1e6),
            Scale::Nines => format!("{} %", (tick * 1e10).round() / 1e8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(scale: Scale, values: &[f64]) -> Range {
        Range::over(scale, values.iter().copied()).expect("values")
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(range(Scale::Linear, &[3.0, 9_870.0]).ticks(), [0.0, 2000.0, 4000.0, 6000.0, 8000.0]);
        assert_eq!(range(Scale::Log, &[0.3, 42.0]).ticks(), [0.1, 1.0, 10.0, 100.0]);
        let nines = range(Scale::Nines, &[0.2, 0.995, 1.0]);
        let written: Vec<String> = nines.ticks().iter().map(|tick| nines.written(*tick)).collect();
        assert_eq!(written, ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
    }

    #[test]
    fn every_value_has_its_place() {
        let log = range(Scale::Log, &[1.0, 100.0]);
        assert_eq!([1.0, 10.0, 100.0].map(|value| log.place(value)), [0.0, 0.5, 1.0]);
        let nines = range(Scale::Nines, &[0.0, 0.9, 1.0]);
        assert_eq!(nines.place(1.0), 1.0, "all of them are within the picture");
        assert!((nines.place(0.9) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_not_drawn() {
        let axis = Axis { label: "", scale: Scale::Linear };
        assert_eq!(Chart { title: "", x: axis, y: axis, lines: vec![("none", Vec::new())] }.svg(), None);
    }
}
