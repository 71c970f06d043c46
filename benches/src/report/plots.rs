//! The plots: bars of one case, and lines over what grows.

use crate::plan::Plan;
use crate::results::{Figure, Measure, Results};
use crate::rivals::{Class, Kind};
use crate::scenarios::{hit, many, zipf};
use plotters::prelude::*;
use std::path::Path;

const WIDTH: u32 = 860;
const BAR: u32 = 34;
const FONT: &str = "sans-serif";
const TEXT: i32 = 15;
/// Room for names at the left of bars.
const NAMES: i32 = 240;

/// Lines begin so far above the lower edge, where the names are.
const ROOM_BELOW: f64 = 0.25;

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws what there are figures for.
pub fn draw(plan: &Plan, results: &Results, folder: &Path) {
    let redis = Kind::on_servers();
    let memory: Vec<Kind> = Kind::of(Class::Memory).chain([Kind::Sqlite]).collect();
    let sixty_four = hit::case_name(64);
    let plots = [
        bars(results, &redis, hit::NAME, &sixty_four, Measure::PerSecond, &folder.join("hit-redis.svg")),
        bars(results, &memory, hit::NAME, &sixty_four, Measure::PerSecond, &folder.join("hit-memory.svg")),
        bars(results, &Kind::ALL, zipf::NAME, zipf::CASE, Measure::P99Micros, &folder.join("zipf-p99.svg")),
        bars(
            results,
            &Kind::ALL,
            zipf::NAME,
            zipf::CASE,
            Measure::StaleReads,
            &folder.join("zipf-stale.svg"),
        ),
        tasks_lines(results, &redis, &folder.join("hit-tasks.svg")),
        many_lines(results, &redis, &folder.join("get-many.svg")),
    ];
    for plot in plots {
        if let Err(error) = plot {
            // A plot is no reason to lose a run.
            println!("a plot of {} rounds could not be drawn: {error}", plan.rounds);
        }
    }
}

fn color(kind: Kind) -> RGBColor {
    if kind.is_limit() {
        return RGBColor(150, 150, 150);
    }
    match kind.class() {
        Class::Database => RGBColor(205, 133, 63),
        _ if matches!(kind, Kind::AutocacheRedis | Kind::AutocacheMemory) => RGBColor(31, 119, 180),
        _ => RGBColor(160, 190, 215),
    }
}

/// A bar for each rival.
fn bars(
    results: &Results,
    kinds: &[Kind],
    scenario: &str,
    case: &str,
    measure: Measure,
    path: &Path,
) -> Drawn {
    let figures: Vec<(Kind, &Figure)> = kinds
        .iter()
        .filter_map(|kind| Some((*kind, results.find(scenario, case, measure, *kind)?)))
        .collect();
    if figures.is_empty() {
        return Ok(());
    }
    let most = figures.iter().map(|(_, figure)| figure.median()).fold(1.0, f64::max);
    let height = BAR * u32::try_from(figures.len())? + 60;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("{scenario}, {case}: {}", measure.unit());
    area.draw(&Text::new(title, (16, 14), (FONT, TEXT + 3).into_font().style(FontStyle::Bold)))?;
    let room = f64::from(i32::try_from(WIDTH)? - NAMES - 120);
    for (place, (kind, figure)) in figures.iter().enumerate() {
        let top = 46 + i32::try_from(place)? * i32::try_from(BAR)?;
        let end = NAMES + (room * figure.median() / most).max(1.0) as i32;
        area.draw(&Text::new(kind.name(), (16, top + 5), (FONT, TEXT).into_font()))?;
        area.draw(&Rectangle::new([(NAMES, top), (end, top + 24)], color(*kind).filled()))?;
        let value = super::table::number(figure.median());
        area.draw(&Text::new(value, (end + 8, top + 5), (FONT, TEXT).into_font()))?;
    }
    area.present()?;
    Ok(())
}

fn tasks_lines(results: &Results, kinds: &[Kind], path: &Path) -> Drawn {
    let at = |kind, tasks: usize| {
        let figure = results.find(hit::NAME, &hit::case_name(tasks), Measure::PerSecond, kind)?;
        Some((tasks as f64, figure.median()))
    };
    let line = |kind: &Kind| (*kind, [1, 64, 512].into_iter().filter_map(|tasks| at(*kind, tasks)).collect());
    lines("hits per second over tasks", &kinds.iter().map(line).collect::<Vec<_>>(), path)
}

fn many_lines(results: &Results, kinds: &[Kind], path: &Path) -> Drawn {
    let at = |kind, count: usize| {
        let figure = results.find(many::NAME, &many::case_name(count, 0), Measure::P50Micros, kind)?;
        Some((count as f64, figure.median()))
    };
    let line = |kind: &Kind| (*kind, many::COUNTS.into_iter().filter_map(|count| at(*kind, count)).collect());
    lines("get_many, all hit: µs over rows", &kinds.iter().map(line).collect::<Vec<_>>(), path)
}

/// A line for each rival, both axes in powers of ten.
fn lines(title: &str, series: &[(Kind, Vec<(f64, f64)>)], path: &Path) -> Drawn {
    let points: Vec<(f64, f64)> = series.iter().flat_map(|(_, points)| points.clone()).collect();
    if points.is_empty() {
        return Ok(());
    }
    let range = |under: f64, of: fn(&(f64, f64)) -> f64| {
        let (low, high) = points
            .iter()
            .map(of)
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        (low * under)..(high * 1.5)
    };
    let area = SVGBackend::new(path, (WIDTH, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, (FONT, TEXT + 3).into_font().style(FontStyle::Bold))
        .margin(16)
        .x_label_area_size(34)
        .y_label_area_size(84)
        .build_cartesian_2d(
            range(0.8, |(x, _)| *x).log_scale(),
            range(ROOM_BELOW, |(_, y)| *y).log_scale(),
        )?;
    chart
        .configure_mesh()
        .label_style((FONT, TEXT - 2))
        .light_line_style(WHITE)
        .x_label_formatter(&|value| super::table::number(*value))
        .y_label_formatter(&|value| super::table::number(*value))
        .draw()?;
    for (place, (kind, points)) in series.iter().enumerate() {
        let style = color_of_line(*kind, place).stroke_width(2);
        let drawn = chart.draw_series(LineSeries::new(points.clone(), style).point_size(3))?;
        drawn.label(kind.name()).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.9))
        .label_font((FONT, TEXT - 2))
        .draw()?;
    area.present()?;
    Ok(())
}

/// Lines need to be told apart; bars have their names.
fn color_of_line(kind: Kind, place: usize) -> RGBColor {
    const OTHERS: [RGBColor; 5] = [
        RGBColor(214, 39, 40),
        RGBColor(44, 160, 44),
        RGBColor(148, 103, 189),
        RGBColor(227, 119, 194),
        RGBColor(188, 189, 34),
    ];
    if matches!(kind, Kind::AutocacheRedis | Kind::AutocacheMemory | Kind::Postgres) || kind.is_limit() {
        return color(kind);
    }
    OTHERS[place % OTHERS.len()]
}
