//! The plots of a run.

use std::fs;
use std::path::Path;

use super::chart::{Axis, Chart, Scale};
use super::record::Record;
use crate::figures::RELEASE;
use crate::watch::Sample;

const TIME: Axis<'_> = Axis { label: "seconds", scale: Scale::Linear };
const MILLIS: Axis<'_> = Axis { label: "milliseconds", scale: Scale::Log };

/// Draws all plots that there is something for.
pub fn draw(record: &Record, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let over_time =
        |of: fn(&Sample) -> f64| record.samples.iter().map(|sample| (sample.at, of(sample))).collect();
    let curves = record.curves.iter();
    let latencies = curves.clone().map(|curve| (curve.name.as_str(), curve.points.clone())).collect();
    let lags = curves.filter(|curve| curve.name.ends_with(RELEASE.name));
    let lags = lags.map(|curve| {
        (curve.name.as_str(), curve.points.iter().map(|(share, millis)| (*millis, 100.0 * share)).collect())
    });
    let charts = [
        (
            "latency",
            Chart {
                title: "Latency by share of requests",
                x: Axis { label: "share", scale: Scale::Nines },
                y: MILLIS,
                lines: latencies,
            },
        ),
        (
            "release",
            Chart {
                title: "Decisions whose Check is answered within",
                x: MILLIS,
                y: Axis { label: "percent", scale: Scale::Linear },
                lines: lags.collect(),
            },
        ),
        (
            "parked",
            Chart {
                title: "Checks under way",
                x: TIME,
                y: Axis { label: "Checks", scale: Scale::Linear },
                lines: vec![("open", over_time(|sample| sample.open as f64))],
            },
        ),
        (
            "memory",
            Chart {
                title: "Memory (RSS)",
                x: TIME,
                y: Axis { label: "MiB", scale: Scale::Linear },
                lines: vec![
                    ("replicas", over_time(|sample| sample.replicas)),
                    ("Redis", over_time(|sample| sample.redis)),
                ],
            },
        ),
    ];
    for (name, chart) in charts {
        if let Some(svg) = chart.svg() {
            fs::write(folder.join(format!("{name}.svg")), svg)?;
        }
    }
    Ok(())
}
