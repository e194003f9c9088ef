-- The keys that servers sign tokens with, by their ids, which do not reveal them. A server that lacks one of these would refuse
-- what the others sign.
-- oldest program: V016
create table clinic.signing_key (
    id text primary key,
    last_used_at timestamptz not null default now()
);
