select path, object, sha256 from audit.made
