//! How one thing grows with another.

/// The slope of the straight line through all points, by least squares; flat where one point is all there is.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
    let along: f64 = points.iter().map(|(x, y)| (x - middle) * (y - level)).sum();
    let squares: f64 = points.iter().map(|(x, _)| (x - middle).powi(2)).sum();
    if squares == 0.0 { 0.0 } else { along / squares }
}

/// The power of the first that the second grows with: 1 where twice as much of one takes twice as much of the other.
pub fn power(points: &[(f64, f64)]) -> f64 {
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    slope(&logarithms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line_through_all() {
        let noisy = [(0.0, 10.0), (1.0, 12.5), (2.0, 13.5), (3.0, 16.0)];
        assert!((slope(&noisy) - 1.9).abs() < 1e-9);
        assert_eq!(slope(&noisy[..1]), 0.0);
        assert_eq!(slope(&[]), 0.0);
    }

    #[test]
    fn the_power_of_what_grows_alike_is_one() {
        let of = |power: f64| [10.0, 100.0, 1000.0].map(|x: f64| (x, 3.0 * x.powf(power)));
        assert!((power(&of(1.0)) - 1.0).abs() < 1e-9);
        assert!((power(&of(2.0)) - 2.0).abs() < 1e-9);
        assert!(power(&of(0.0)).abs() < 1e-9);
    }
}
