//! The endpoints of a resource, from `routes!`: each address with its methods and what the document says of them.
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::App;

/// The endpoints of a resource. All stand in one router in the end, each at its whole address: a router inside another takes
/// every address apart and puts it together again, which costs some forty allocations a request.
#[derive(Default)]
pub struct Endpoints(Vec<UtoipaMethodRouter<App>>);

impl Endpoints {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With what one address takes.
    #[must_use]
    pub fn routes(mut self, routes: UtoipaMethodRouter<App>) -> Self {
        self.0.push(routes);
        self
    }

    /// Puts them into the router, below a prefix.
    #[must_use]
    pub fn below(self, prefix: &str, router: OpenApiRouter<App>) -> OpenApiRouter<App> {
        self.0.into_iter().fold(router, |router, (schemas, mut paths, methods)| {
            paths.paths = paths.paths.into_iter().map(|(path, item)| (format!("{prefix}{path}"), item)).collect();
            router.routes((schemas, paths, methods))
        })
    }
}
