//! A policy's expression, taken apart at its top-level ANDs.
use std::ops::ControlFlow;

use sqlparser::{
    ast::{BinaryOperator, Expr, Value, Visit, visit_expressions},
    dialect::PostgreSqlDialect,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use super::WhySettings;

/// The function of the house that answers the tenant that is set, or raises.
const REQUIRE: &str = "registry.require";

/// One condition of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// As SQL that can be asked.
    pub(super) text: String,
    /// The column it equates with who asks, if that is what it does.
    pub(super) column: Option<(Whose, String)>,
}

/// What a column says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Tenant,
    User,
}

/// The conditions that all must hold. What the parser does not understand stays in one piece.
pub(super) fn split(expression: &str, settings: &WhySettings) -> Vec<Clause> {
    let Ok(parsed) = parse(expression) else {
        return vec![Clause { text: one_line(expression), column: None }];
    };
    let mut parts = Vec::new();
    conjuncts(&parsed, &mut parts);
    if let [only] = parts.as_slice() {
        // As PostgreSQL prints it, which is what a DBA sees elsewhere.
        return vec![Clause {
            text: one_line(without_parentheses(expression, &parsed)),
            column: equated(only, settings),
        }];
    }
    let clause = |part: &Expr| Clause { text: one_line(&part.to_string()), column: equated(part, settings) };
    parts.into_iter().map(clause).collect()
}

/// Takes off the pairs that enclose the whole.
fn without_parentheses<'a>(mut text: &'a str, mut parsed: &Expr) -> &'a str {
    text = text.trim();
    while let Expr::Nested(inner) = parsed {
        text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).trim();
        parsed = inner;
    }
    text
}

fn parse(expression: &str) -> Result<Expr, ParserError> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(expression)?;
    let parsed = parser.parse_expr()?;
    parser.expect_token(&Token::EOF)?;
    Ok(parsed)
}

fn conjuncts<'a>(expr: &'a Expr, into: &mut Vec<&'a Expr>) {
    match bare(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        other => into.push(other),
    }
}

fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// `column = something of the tenant`, or of the user, either way round.
fn equated(expr: &Expr, settings: &WhySettings) -> Option<(Whose, String)> {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = expr else { return None };
    let (column, other) = match (column(left), column(right)) {
        (Some(column), None) => (column, right),
        (None, Some(column)) => (column, left),
        _ => return None,
    };
    let whose = if reads(other, &settings.tenant) || calls(other, REQUIRE) {
        Whose::Tenant
    } else if reads(other, &settings.user) {
        Whose::User
    } else {
        return None;
    };
    Some((whose, column))
}

fn column(expr: &Expr) -> Option<String> {
    match bare(expr) {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(path) => path.last().map(|name| name.value.clone()),
        Expr::Cast { expr, .. } => column(expr),
        _ => None,
    }
}

/// Whether somewhere in it stands `current_setting('…')` for this setting.
fn reads(expr: &Expr, setting: &str) -> bool {
    let quoted = |expr: &Expr| match expr {
        Expr::Value(value) => matches!(&value.value, Value::SingleQuotedString(text) if text == setting),
        _ => false,
    };
    any(expr, |expr| match expr {
        Expr::Function(function) => {
            function.name.to_string().trim_start_matches("pg_catalog.") == "current_setting" && any(function, quoted)
        }
        _ => false,
    })
}

fn calls(expr: &Expr, name: &str) -> bool {
    any(expr, |expr| matches!(expr, Expr::Function(function) if function.name.to_string() == name))
}

fn any(tree: &impl Visit, found: impl Fn(&Expr) -> bool) -> bool {
    visit_expressions(tree, |expr| if found(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .is_break()
}

/// Only what is outside quotes: a literal keeps its line breaks.
fn one_line(text: &str) -> String {
    if text.contains('\'') && text.split('\'').skip(1).step_by(2).any(|quoted| quoted.contains('\n')) {
        return text.to_owned();
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(expression: &str) -> Vec<Option<(Whose, String)>> {
        split(expression, &WhySettings::default()).into_iter().map(|clause| clause.column).collect()
    }

    #[test]
    fn the_walls_of_the_house_are_understood() {
        let wall = "(tenant_id = ( SELECT (current_setting('app.tenant_id'::text))::uuid AS current_setting))";
        assert_eq!(columns(wall), [Some((Whose::Tenant, "tenant_id".to_owned()))]);
        let read = "(id = ( SELECT registry.require('tenant:read'::text) AS require))";
        assert_eq!(columns(read), [Some((Whose::Tenant, "id".to_owned()))]);
        let own = "(user_id = ( SELECT (current_setting('app.user_id'::text))::uuid AS current_setting))";
        assert_eq!(columns(own), [Some((Whose::User, "user_id".to_owned()))]);
    }

    #[test]
    fn it_is_taken_apart_at_the_top_and_nowhere_else() {
        let texts = |expression: &str| {
            split(expression, &WhySettings::default()).into_iter().map(|clause| clause.text).collect::<Vec<_>>()
        };
        assert_eq!(texts("((active AND (a = 1)) AND ((b = 2) OR (c AND d)))").len(), 3);
        assert_eq!(texts("(a BETWEEN 1 AND 2)"), ["a BETWEEN 1 AND 2"]);
        assert_eq!(texts("(name = 'x AND y'::text)").len(), 1);
        assert_eq!(texts("((a = 'x'::text))"), ["a = 'x'::text"]);
        assert_eq!(texts("true"), ["true"]);
        assert_eq!(texts("(a = 1) nonsense ("), ["(a = 1) nonsense ("], "what is not understood stays whole");
    }
}
