//! Measures the programs. In each round the variants come one after the other, so that all see the same machine.

use crate::Result;
use crate::cargo::{Build, Cargo};
use crate::figures::{Figure, Measure};
use crate::ir;
use crate::options::{Options, Part};
use crate::program::{Program, Variant};

pub fn run(cargo: &Cargo, options: &Options) -> Result<Vec<Figure>> {
    let mut session = Session { cargo, rounds: options.rounds, figures: Vec::new() };
    if options.measures(Part::Ir) {
        session.ir_lines()?;
    }
    for entities in options.entities.iter().copied() {
        if options.measures(Part::Check) {
            session.seconds(Measure::CheckSeconds, entities)?;
        }
        if options.measures(Part::Debug) {
            session.seconds(Measure::DebugSeconds, entities)?;
            session.rlib_bytes(entities)?;
        }
        if options.measures(Part::Incremental) {
            session.incremental(entities)?;
        }
    }
    if options.measures(Part::Release) {
        session.rounds = 1;
        for entities in options.release_entities.iter().copied() {
            session.seconds(Measure::ReleaseSeconds, entities)?;
        }
    }
    Ok(session.figures)
}

struct Session<'a> {
    cargo: &'a Cargo,
    rounds: usize,
    figures: Vec<Figure>,
}

impl Session<'_> {
    fn ir_lines(&mut self) -> Result<()> {
        for variant in Variant::ALL {
            let lines = ir::per_entity(self.cargo, variant)?.lines;
            self.keep(Measure::IrLines, variant, ir::SMALL, vec![lines]);
        }
        Ok(())
    }

    fn seconds(&mut self, measure: Measure, entities: usize) -> Result<()> {
        let build = match measure {
            Measure::CheckSeconds => Build::Check,
            Measure::ReleaseSeconds => Build::Release,
            _ => Build::Debug,
        };
        self.cargo.prepare(Program { variant: Variant::Plain, entities }, build)?;
        self.rounds_of(measure, entities, |cargo, program, _| cargo.compile(program, build))
    }

    /// Of the builds that `seconds` has just left.
    fn rlib_bytes(&mut self, entities: usize) -> Result<()> {
        for variant in Variant::ALL {
            let bytes = self.cargo.rlib_bytes(Program { variant, entities })?;
            self.keep(Measure::RlibBytes, variant, entities, vec![bytes as f64]);
        }
        Ok(())
    }

    /// Each round changes the column's type and, in the next one, changes it back.
    fn incremental(&mut self, entities: usize) -> Result<()> {
        for variant in Variant::ALL {
            self.cargo.prepare(Program { variant, entities }, Build::Incremental)?;
        }
        self.rounds_of(Measure::IncrementalSeconds, entities, |cargo, program, round| {
            let rank = if round.is_multiple_of(2) { "i64" } else { "i32" };
            cargo.workspace.change_column(program, rank)?;
            cargo.rebuild(program, Build::Incremental)
        })?;
        for variant in Variant::ALL {
            self.cargo.workspace.change_column(Program { variant, entities }, "i32")?;
        }
        Ok(())
    }

    fn rounds_of(
        &mut self,
        measure: Measure,
        entities: usize,
        run: impl Fn(&Cargo, Program, usize) -> Result<f64>,
    ) -> Result<()> {
        let mut values = Variant::ALL.map(|_| Vec::new());
        for round in 0..self.rounds {
            for (variant, values) in Variant::ALL.into_iter().zip(&mut values) {
                values.push(run(self.cargo, Program { variant, entities }, round)?);
            }
        }
        for (variant, values) in Variant::ALL.into_iter().zip(values) {
            self.keep(measure, variant, entities, values);
        }
        Ok(())
    }

    fn keep(&mut self, measure: Measure, variant: Variant, entities: usize, values: Vec<f64>) {
        let figure = Figure::new(measure, variant, entities, values);
        let name = variant.name();
        eprintln!("{}, {entities} entities, {name}: {:?}", measure.title(), figure.values);
        self.figures.push(figure);
    }
}
