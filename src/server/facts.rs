//! What each route says of itself, as `x-route` among the `extensions(…)` of its handler's `#[utoipa::path]`: the layers that all requests
//! pass and the finished document read it here. The document that is served goes without.
use serde::Deserialize;
use utoipa::openapi::{OpenApi, PathItem, path::Operation};

use super::methods::Methods;
use crate::text_enum;

const EXTENSION: &str = "x-route";

/// What a route is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Charged {
    /// Nobody: whoever looks whether the server lives, reads its keys or documents, or asks for what is not there.
    Nobody,
    /// The network: it is for whoever is nobody yet, and what else they send says nothing. So is what is tagged `public`.
    Network,
    /// Whoever asks, whatever tenant they name: it is about themselves. Whatever has become of a tenant, one can sign out.
    /// So is what is tagged `me`.
    Caller,
    /// Whoever asks, in their tenant, and apart from what else it asks for: a tenant that has nothing left can still revoke
    /// the key that spends it.
    Principal,
    /// The tenant as well, where nothing else is said.
    Tenant,
}

/// What becomes of a POST's `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    /// It has to be sent, and the answer is kept.
    Required,
    /// The answer is kept: so is that of every POST inside a tenant where nothing else is said.
    Kept,
    /// It may be sent, and no answer is kept: the answer is a secret, or the request is good once by what it carries, or
    /// whoever asked is nobody there any more. So are POSTs outside any tenant.
    NotKept,
}

text_enum! {
    /// What plans may have, as the checks of `registry.plans` name it.
    pub(super) enum Feature {
        CustomRoles = "custom_roles",
        Domains = "domains",
        Exports = "exports",
        Webhooks = "webhooks",
    }
}

/// As a handler says it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    charged: Option<Charged>,
    key: Option<Key>,
    counted: bool,
    shown_once: bool,
    upload: bool,
    needs_plan: Option<Feature>,
}

/// The facts of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) charged: Charged,
    pub(super) key: Key,
    /// A list that is counted when that is preferred.
    pub(super) counted: bool,
    /// It answers what is never shown again, whatever is preferred.
    pub(super) shown_once: bool,
    /// Its body is a file, which may be large and may take as long as it keeps coming.
    pub(super) upload: bool,
    /// What the tenant's plan has to have; the database refuses it otherwise.
    pub(super) needs_plan: Option<Feature>,
}

impl Facts {
    /// Of an operation that still has the tags of its handler.
    pub(super) fn of(operation: &Operation) -> Self {
        // What cannot be read is said by the test below; here it is as strict as can be.
        let said = said(operation).and_then(Result::ok).unwrap_or_default();
        let tagged = |tag: &str| operation.tags.iter().flatten().any(|name| name == tag);
        let (charged, key) = match (tagged("public"), tagged("me")) {
            (true, _) => (Charged::Network, Key::NotKept),
            (_, true) => (Charged::Caller, Key::NotKept),
            _ => (Charged::Tenant, Key::Kept),
        };
        let Said { counted, shown_once, upload, needs_plan, .. } = said;
        Self {
            charged: said.charged.unwrap_or(charged),
            key: said.key.unwrap_or(key),
            counted,
            shown_once,
            upload,
            needs_plan,
        }
    }
}

fn said(operation: &Operation) -> Option<serde_json::Result<Said>> {
    let value = operation.extensions.as_ref()?.get(EXTENSION)?;
    Some(Said::deserialize(value))
}

/// Takes what is the server's own out of an operation.
pub(super) fn strip(operation: &mut Operation) {
    if let Some(extensions) = &mut operation.extensions {
        extensions.remove(EXTENSION);
    }
    operation.extensions.take_if(|extensions| extensions.is_empty());
}

/// A route: its address, its facts, and what it takes. Its methods have those facts in common that are asked for before the
/// method is.
pub(super) struct Route {
    /// As the document has it: ids in log lines cannot be grouped.
    pub(super) path: String,
    pub(super) facts: Facts,
    /// What a method is answered that no handler takes.
    pub(super) methods: Methods,
}

/// All routes, by their addresses.
pub(super) struct Routes(matchit::Router<Route>);

impl Routes {
    /// As a document has them that is not finished yet.
    pub(super) fn of(openapi: &OpenApi) -> Self {
        let mut routes = matchit::Router::new();
        for (path, item) in &openapi.paths.paths {
            let Some(facts) = operations(item).next().map(Facts::of) else { continue };
            // The framework has refused two of the same address already.
            let _ = routes.insert(path, Route { path: path.clone(), facts, methods: Methods::of(item) });
        }
        Self(routes)
    }

    /// The one at an address; none where nothing is served, and at those of documents.
    pub(super) fn at(&self, path: &str) -> Option<&Route> {
        self.0.at(path).ok().map(|found| found.value)
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = &Operation> {
    [&item.get, &item.put, &item.post, &item.delete, &item.patch].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{super::router::routes, *};

    #[test]
    fn what_routes_say_of_themselves_can_be_read_and_their_methods_agree() {
        let document = routes().into_openapi();
        let mut facts = Vec::new();
        for (path, item) in &document.paths.paths {
            let first = operations(item).next().map(Facts::of).unwrap();
            for operation in operations(item) {
                let handler = operation.operation_id.as_deref().unwrap_or_default();
                for extension in operation.extensions.iter().flat_map(|extensions| extensions.keys()) {
                    assert_eq!(extension, EXTENSION, "{path}, handler {handler}: nobody reads {extension}");
                }
                if let Some(Err(error)) = said(operation) {
                    panic!(
                        "{path}, handler {handler}: {EXTENSION} in its `extensions(…)`: {error}; src/server/facts.rs has what there is"
                    );
                }
                let own = Facts::of(operation);
                assert_eq!(
                    (own.charged, own.upload),
                    (first.charged, first.upload),
                    "{path}, handler {handler}: {EXTENSION} says another `charged` or `upload` than its first method, and both are asked for \
                     before the method is: say the same in each"
                );
                facts.push(own);
            }
        }
        for charged in [Charged::Nobody, Charged::Network, Charged::Caller, Charged::Principal, Charged::Tenant] {
            assert!(facts.iter().any(|facts| facts.charged == charged), "nothing is charged to {charged:?}");
        }
        assert!(facts.iter().any(|facts| facts.needs_plan.is_some()), "nothing needs a plan");
        assert!(facts.iter().any(|facts| facts.upload) && facts.iter().any(|facts| facts.key == Key::Required));
    }
}
