-- What each file of sql/ has made, object by object, so that a file that changes has only that made again which changed in it.
-- An index that is being built says `building`: it is neither there yet nor missing.
create table audit.made (
    path   text not null,
    object text not null,
    sha256 text not null,
    constraint made_pkey primary key (path, object)
);
