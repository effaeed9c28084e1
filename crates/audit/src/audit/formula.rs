//! Reads a policy's expression and asks: can it hold for a row of another tenant? The parser takes the
//! boolean structure apart; what is left, the atoms, are judged by evaluating them in the database.
use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{
        BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem, SetExpr,
        UnaryOperator, Value, visit_expressions, visit_expressions_mut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

/// What can be said of a condition about rows of other tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    /// It holds for no row but those of the tenant that is set.
    Walled,
    /// Nobody can tell without reading it.
    Unknown,
    /// It may hold for another tenant's row.
    Open(Hole),
}

/// Why a condition is open, the more telling the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hole {
    /// It does not ask whose row it is.
    NoTenant,
    /// It is true of every row.
    Always,
    /// It holds for rows without a tenant.
    NullTenant,
    /// It holds when no tenant is set, or an empty one.
    FailsOpen,
    /// It asks another setting.
    OtherSetting,
    /// It compares the tenant with itself.
    Itself,
}

impl Truth {
    /// `a and b`: one wall is enough.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Walled, _) | (_, Self::Walled) => Self::Walled,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Open(one), Self::Open(two)) => Self::Open(one.max(two)),
        }
    }

    /// `a or b`: the wider one counts.
    fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

/// The relation a policy stands on.
pub(super) struct Ground<'a> {
    /// Its name without the schema; a policy's sub-selects refer to its columns by it.
    pub relation: &'a str,
    /// The tenant column.
    pub tenant: &'a str,
    /// All columns.
    pub columns: &'a BTreeSet<String>,
}

/// Parses what `pg_get_expr` printed.
pub(super) fn parse(text: &str) -> Option<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    (parser.peek_token().token == sqlparser::tokenizer::Token::EOF).then_some(expression)
}

/// Takes the boolean structure apart and asks `atom` about the rest.
pub(super) fn judge(expression: &Expr, atom: &mut dyn FnMut(&Expr) -> Truth) -> Truth {
    match expression {
        Expr::Nested(inner) | Expr::IsTrue(inner) => judge(inner, atom),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let (left, right) = (judge(left, atom), judge(right, atom));
            left.and(right)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            let (left, right) = (judge(left, atom), judge(right, atom));
            left.or(right)
        }
        Expr::Value(value) => match value.value {
            Value::Boolean(true) => Truth::Open(Hole::Always),
            Value::Boolean(false) | Value::Null => Truth::Walled,
            _ => Truth::Unknown,
        },
        // Each branch holds where its condition and its result do; with an operand the conditions are values.
        Expr::Case { conditions, else_result, operand, .. } => {
            let mut all = Truth::Walled;
            for when in conditions {
                let result = judge(&when.result, atom);
                let branch = if operand.is_some() { result } else { judge(&when.condition, atom).and(result) };
                all = all.or(branch);
            }
            else_result.as_deref().map_or(all, |result| all.or(judge(result, atom)))
        }
        Expr::Subquery(query) => match wrapped(query) {
            Some(inner) => judge(inner, atom),
            None => atom(expression),
        },
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("coalesce") => {
            arguments(&function.args).map(|argument| judge(argument, atom)).fold(Truth::Walled, Truth::or)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => match &**expr {
            Expr::Nested(inner) => judge(&Expr::UnaryOp { op: UnaryOperator::Not, expr: inner.clone() }, atom),
            // De Morgan.
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                let not = |side: &Expr| Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(side.clone()) };
                let (left, right) = (judge(&not(left), atom), judge(&not(right), atom));
                if *op == BinaryOperator::Or { left.and(right) } else { left.or(right) }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => judge(expr, atom),
            _ => atom(expression),
        },
        _ => atom(expression),
    }
}

/// What an expression reads.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(super) struct Reads {
    /// The tenant column.
    pub tenant: bool,
    /// Another column of the row.
    pub other_columns: bool,
    /// Rows of some table.
    pub tables: bool,
    /// Settings, by name in lower case.
    pub settings: BTreeSet<String>,
    /// Functions that are not PostgreSQL's own, whose insides cannot be seen here, with their schemas.
    pub functions: BTreeSet<String>,
    /// Who asks, which is not the same here as there.
    pub session: bool,
    /// Literals, which may mean something to somebody.
    pub literals: BTreeSet<String>,
}

/// Functions that answer differently to whoever asks.
const SESSION: [&str; 9] = [
    "current_user",
    "session_user",
    "current_role",
    "user",
    "pg_has_role",
    "inet_client_addr",
    "inet_server_addr",
    "current_query",
    "pg_backend_pid",
];

/// Looks an expression through.
pub(super) fn reads(expression: &Expr, ground: &Ground<'_>) -> Reads {
    let mut found = Reads::default();
    let _ = visit_expressions(expression, |part| {
        if let Some(column) = column_of(part, ground) {
            if column == ground.tenant {
                found.tenant = true;
            } else {
                found.other_columns = true;
            }
        }
        match part {
            Expr::Identifier(name) if SESSION.contains(&name.value.to_lowercase().as_str()) => found.session = true,
            Expr::Value(literal) => match &literal.value {
                Value::SingleQuotedString(text) | Value::Number(text, _) => drop(found.literals.insert(text.clone())),
                _ => {}
            },
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } | Expr::InSubquery { subquery: query, .. } => {
                found.tables |= wrapped(query).is_none();
            }
            Expr::Function(function) => {
                if takes_the_row(&function.args, ground) {
                    found.tenant = true;
                    found.other_columns = true;
                }
                let name = function.name.to_string();
                if name.eq_ignore_ascii_case("current_setting") {
                    match arguments(&function.args).next().and_then(text) {
                        Some(setting) => found.settings.insert(setting.to_lowercase()),
                        None => found.settings.insert("(computed)".to_owned()),
                    };
                } else {
                    found.session |= SESSION.contains(&name.to_lowercase().as_str());
                    // With an empty search_path, only PostgreSQL's own functions are printed without a schema.
                    if name.contains('.') {
                        found.functions.insert(name);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// The expression with a literal in the tenant column's place, and optionally another name for a setting.
pub(super) fn substitute(
    expression: &Expr,
    ground: &Ground<'_>,
    tenant: &str,
    setting: Option<(&str, &str)>,
) -> String {
    let mut copy = expression.clone();
    let Some(value) = parse(tenant) else { return expression.to_string() };
    let _ = visit_expressions_mut(&mut copy, |part| {
        if column_of(part, ground).is_some_and(|column| column == ground.tenant) {
            *part = value.clone();
        } else if let Some((from, to)) = setting
            && let Expr::Value(literal) = part
            && let Value::SingleQuotedString(name) = &mut literal.value
            && name.eq_ignore_ascii_case(from)
        {
            to.clone_into(name);
        }
        ControlFlow::<()>::Continue(())
    });
    copy.to_string()
}

/// Whether it says `column = column` of the tenant column.
pub(super) fn compares_with_itself(expression: &Expr, ground: &Ground<'_>) -> bool {
    let is_tenant = |side: &Expr| column_of(bare(side), ground).is_some_and(|column| column == ground.tenant);
    matches!(bare(expression), Expr::BinaryOp { left, right, .. } if is_tenant(left) && is_tenant(right))
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => bare(inner),
        other => other,
    }
}

/// A column of the policy's own row: bare, or by the relation's name inside a sub-select.
fn column_of(expression: &Expr, ground: &Ground<'_>) -> Option<String> {
    match expression {
        Expr::Identifier(name) => ground.columns.contains(&name.value).then(|| name.value.clone()),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [relation, name] if relation.value == ground.relation => {
                ground.columns.contains(&name.value).then(|| name.value.clone())
            }
            _ => None,
        },
        _ => None,
    }
}

/// `(select x)` without a table: PostgreSQL computes it once a statement, and it means x.
fn wrapped(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let Select { projection, from, selection: None, having: None, .. } = &**select else { return None };
    match projection.as_slice() {
        [SelectItem::UnnamedExpr(inner) | SelectItem::ExprWithAlias { expr: inner, .. }] if from.is_empty() => {
            Some(inner)
        }
        _ => None,
    }
}

/// Whether the whole row, tenant and all, goes into a function: `f(t.*)`.
fn takes_the_row(arguments: &FunctionArguments, ground: &Ground<'_>) -> bool {
    let FunctionArguments::List(list) = arguments else { return false };
    list.args.iter().any(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
            name.to_string().trim_matches('"') == ground.relation
        }
        _ => false,
    })
}

fn arguments(arguments: &FunctionArguments) -> impl Iterator<Item = &Expr> {
    let list = match arguments {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => Some(inner),
        _ => None,
    })
}

/// A string literal, with or without a cast.
fn text(expression: &Expr) -> Option<&str> {
    match bare(expression) {
        Expr::Value(literal) => match &literal.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
