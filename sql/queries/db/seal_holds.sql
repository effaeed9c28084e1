select registry.seal_holds($1)
