select path, sha256 from audit.files order by path
