//! From a text to its [`Shape`], by the crate `sqlparser`.

use super::named::{Equals, Numbers, Subject};
use super::shape::{Control, Name, Shape, TableWrite, Verb};
use sea_orm::DbBackend;
use sqlparser::ast::{
    Assignment, AssignmentTarget, CascadeOption, CopySource, Delete, Expr, FromTable, Insert, ObjectName,
    ObjectType, OnConflictAction, OnInsert, Query, SetExpr, SqliteOnConflict, Statement, TableAlias,
    TableFactor, TableObject, TableWithJoins, Update,
};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Tokenizer;

pub(super) fn dialect_of(database: DbBackend) -> &'static dyn Dialect {
    match database {
        DbBackend::MySql => &MySqlDialect {},
        DbBackend::Postgres => &PostgreSqlDialect {},
        _ => &SQLiteDialect {},
    }
}

/// The text's shape; an opaque one if it is not understood.
pub(super) fn shape_of(sql: &str, database: DbBackend) -> Shape {
    // What a backslash means in a string is a setting of the server.
    if sql.contains('\\') {
        return Shape::opaque();
    }
    read(sql, database).unwrap_or_else(Shape::opaque)
}

fn read(sql: &str, database: DbBackend) -> Option<Shape> {
    let dialect = dialect_of(database);
    let tokens = Tokenizer::new(dialect, sql).tokenize_with_location().ok()?;
    let mut reader = Reader { database, numbers: Numbers::of(&tokens), shape: Shape::default() };
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let statements = parser.parse_statements().ok()?;
    reader.shape.is_single = statements.len() == 1;
    for statement in &statements {
        reader.statement(statement);
    }
    Some(reader.shape)
}

struct Reader {
    database: DbBackend,
    numbers: Numbers,
    shape: Shape,
}

impl Reader {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.tables_of(&merge.table, Verb::Other),
            Statement::Copy { source: CopySource::Table { table_name, .. }, to: false, .. } => {
                self.write(Verb::Insert, table_name);
            }
            Statement::Explain { analyze: true, statement, .. } => self.statement(statement),
            Statement::Call(_) | Statement::Execute { .. } => self.shape.is_opaque = true,
            Statement::Commit { .. }
            | Statement::StartTransaction { .. }
            | Statement::Rollback { savepoint: None, .. } => self.controls(Control::Ends),
            Statement::Rollback { savepoint: Some(_), .. } => self.controls(Control::Undoes),
            Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. }
            | Statement::Copy { .. }
            | Statement::Explain { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowFunctions { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowStatus { .. }
            | Statement::ShowVariables { .. }
            | Statement::ShowCreate { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowViews { .. }
            | Statement::ShowCollation { .. }
            | Statement::Set(_)
            | Statement::Use(_)
            | Statement::Pragma { .. }
            | Statement::LISTEN { .. }
            | Statement::UNLISTEN { .. }
            | Statement::NOTIFY { .. }
            | Statement::Reset(_)
            | Statement::Discard { .. }
            | Statement::Vacuum(_)
            | Statement::Kill { .. }
            | Statement::Deallocate { .. } => {}
            other => self.definition(other),
        }
    }

    /// Statements that define something, and those that are not known.
    fn definition(&mut self, statement: &Statement) {
        if self.database == DbBackend::MySql {
            // There they commit the transaction that they run in.
            self.controls(Control::Ends);
        }
        match statement {
            Statement::Truncate(truncate) => {
                truncate.table_names.iter().for_each(|table| self.write(Verb::Other, &table.name));
                self.shape.spreads |= truncate.cascade == Some(CascadeOption::Cascade);
            }
            Statement::AlterTable(alter) => self.write(Verb::Other, &alter.name),
            Statement::RenameTable(renames) => {
                for rename in renames {
                    self.write(Verb::Other, &rename.old_name);
                    self.write(Verb::Other, &rename.new_name);
                }
            }
            Statement::Drop { object_type, names, cascade, .. } => {
                let drops_rows = matches!(
                    object_type,
                    ObjectType::Table
                        | ObjectType::ForeignTable
                        | ObjectType::View
                        | ObjectType::MaterializedView
                );
                if drops_rows {
                    names.iter().for_each(|name| self.write(Verb::Other, name));
                }
                self.shape.spreads |=
                    *cascade || matches!(object_type, ObjectType::Schema | ObjectType::Database);
            }
            Statement::RefreshMaterializedView(refresh) => self.write(Verb::Other, &refresh.name),
            Statement::CreateTable(_)
            | Statement::CreateVirtualTable { .. }
            | Statement::CreateView(_)
            | Statement::CreateIndex(_)
            | Statement::CreateTrigger(_)
            | Statement::CreateFunction(_)
            | Statement::CreateSchema { .. }
            | Statement::CreateSequence { .. }
            | Statement::CreateType { .. }
            | Statement::CreateDomain(_)
            | Statement::CreateExtension(_)
            | Statement::CreateRole(_)
            | Statement::CreatePolicy(_)
            | Statement::DropTrigger(_)
            | Statement::DropFunction(_)
            | Statement::DropPolicy(_)
            | Statement::Analyze(_)
            | Statement::Comment { .. }
            | Statement::Grant(_)
            | Statement::Revoke(_)
            | Statement::Lock(_)
            | Statement::LockTables { .. }
            | Statement::UnlockTables => {}
            _ => self.shape.is_opaque = true,
        }
    }

    fn controls(&mut self, control: Control) {
        self.shape.control = self.shape.control.max(control);
    }

    fn query(&mut self, query: &Query) {
        let from = self.shape.writes.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.query(&cte.query);
        }
        self.body(&query.body);
        if query.with.is_some() {
            for write in &mut self.shape.writes[from..] {
                (write.is_joined, write.is_plain) = (true, false);
            }
        }
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => self.statement(statement),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => {}
        }
    }

    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else { return self.shape.is_opaque = true };
        let replaces =
            insert.replace_into || insert.overwrite || insert.or == Some(SqliteOnConflict::Replace);
        let mut write = TableWrite::of(if replaces { Verb::Other } else { Verb::Insert }, name_of(name));
        write.columns = insert.columns.iter().filter_map(last_part).collect();
        if let Some(query) = &insert.source {
            self.query(query);
            if let SetExpr::Values(values) = &*query.body {
                let row = |row: &Vec<Expr>| row.iter().map(|value| self.numbers.number(value)).collect();
                write.rows = values.rows.iter().map(|values| row(&values.content)).collect();
            }
        }
        sets(&insert.assignments, &mut write.columns);
        let upserts = match &insert.on {
            Some(OnInsert::DuplicateKeyUpdate(assignments)) => assignments.as_slice(),
            Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
                OnConflictAction::DoUpdate(update) => update.assignments.as_slice(),
                OnConflictAction::DoNothing => &[],
            },
            _ => &[],
        };
        sets(upserts, &mut write.upserts);
        let is_whole = |row: &Vec<Option<usize>>| row.len() == write.columns.len();
        write.may_skip = insert.on.is_some() || insert.ignore || insert.or.is_some();
        write.is_plain = write.upserts.is_empty()
            && !replaces
            && insert.assignments.is_empty()
            && insert.table_alias.is_none()
            && write.rows.iter().all(is_whole);
        write.sets_values = write.rows.iter().flatten().all(Option::is_some);
        self.shape.writes.push(write);
    }

    fn update(&mut self, update: &Update) {
        let TableFactor::Table { name, alias, .. } = &update.table.relation else {
            return self.shape.is_opaque = true;
        };
        for join in &update.table.joins {
            self.tables_of(&join.relation, Verb::Other);
        }
        let mut write = TableWrite::of(Verb::Update, name_of(name));
        sets(&update.assignments, &mut write.columns);
        let is_joined = !update.table.joins.is_empty() || update.from.is_some();
        write.named = self.named(update.selection.as_ref(), name, alias.as_ref(), is_joined);
        write.is_joined = is_joined || alias.is_some();
        self.shape.is_opaque |= is_doubtful(alias.as_ref());
        write.is_plain = !write.is_joined && update.or.is_none() && update.limit.is_none();
        write.sets_values =
            update.assignments.iter().all(|assignment| self.numbers.number(&assignment.value).is_some());
        if update.or == Some(SqliteOnConflict::Replace) {
            write.verb = Verb::Other;
        }
        self.shape.writes.push(write);
    }

    fn delete(&mut self, delete: &Delete) {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [TableWithJoins { relation: TableFactor::Table { name, alias, .. }, joins }] = from.as_slice()
        else {
            return self.shape.is_opaque = true;
        };
        // MySQL deletes from several tables, by their names or their aliases.
        if !delete.tables.is_empty() || !joins.is_empty() {
            return self.shape.is_opaque = true;
        }
        if delete.using.is_some() && self.database == DbBackend::MySql {
            return self.shape.is_opaque = true;
        }
        let mut write = TableWrite::of(Verb::Delete, name_of(name));
        write.named = self.named(delete.selection.as_ref(), name, alias.as_ref(), delete.using.is_some());
        write.is_joined = delete.using.is_some() || alias.is_some();
        self.shape.is_opaque |= is_doubtful(alias.as_ref());
        write.is_plain = !write.is_joined && delete.limit.is_none();
        write.sets_values = true;
        self.shape.writes.push(write);
    }

    fn named(
        &self,
        condition: Option<&Expr>,
        table: &ObjectName,
        alias: Option<&TableAlias>,
        is_joined: bool,
    ) -> Option<Vec<Equals>> {
        let table = alias.map_or_else(|| name_of(table).table, |alias| alias.name.value.clone());
        Subject { numbers: &self.numbers, table: &table, is_joined }.named(condition?)
    }

    fn write(&mut self, verb: Verb, name: &ObjectName) {
        self.shape.writes.push(TableWrite::of(verb, name_of(name)));
    }

    /// Writes of all tables of a join.
    fn tables_of(&mut self, factor: &TableFactor, verb: Verb) {
        match factor {
            TableFactor::Table { name, .. } => self.write(verb, name),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.tables_of(&table_with_joins.relation, verb);
                table_with_joins.joins.iter().for_each(|join| self.tables_of(&join.relation, verb));
            }
            TableFactor::Derived { .. } => {}
            _ => self.shape.is_opaque = true,
        }
    }
}

fn name_of(name: &ObjectName) -> Name {
    let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident());
    let Some(table) = parts.next() else { return Name::default() };
    Name {
        schema: parts.next().map(|schema| schema.value.clone()),
        table: table.value.clone(),
        is_quoted: table.quote_style.is_some(),
    }
}

fn last_part(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone())
}

/// A modifier before the table's name, such as MySQL's `LOW_PRIORITY`, is read as a table with an alias.
fn is_doubtful(alias: Option<&TableAlias>) -> bool {
    alias.is_some_and(|alias| !alias.explicit)
}

/// Adds the columns that get another value.
fn sets(assignments: &[Assignment], columns: &mut Vec<String>) {
    for assignment in assignments {
        let is_itself = |name: &ObjectName| match &assignment.value {
            Expr::Identifier(column) => last_part(name).is_some_and(|name| name == column.value),
            _ => false,
        };
        match &assignment.target {
            AssignmentTarget::ColumnName(name) if is_itself(name) => {}
            target => columns_of(target, columns),
        }
    }
}

fn columns_of(target: &AssignmentTarget, columns: &mut Vec<String>) {
    match target {
        AssignmentTarget::ColumnName(name) => columns.extend(last_part(name)),
        AssignmentTarget::Tuple(names) => columns.extend(names.iter().filter_map(last_part)),
    }
}
