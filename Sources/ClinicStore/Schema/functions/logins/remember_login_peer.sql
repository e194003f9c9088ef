-- Remembers from where a user signs in, the last 50 places.
--
-- Locks: the user's rows of login_peer; callers hold the user.
create function remember_login_peer(p_user bigint, p_peer bytea) returns void language plpgsql as $$
begin
    insert into clinic.login_peer as known (user_id, peer, signed_in_at) values (p_user, p_peer, clock_timestamp())
    on conflict (user_id, peer) do update set signed_in_at = excluded.signed_in_at;
    delete from clinic.login_peer
    where user_id = p_user and peer in (
        select peer from clinic.login_peer where user_id = p_user order by signed_in_at desc offset 50);
end
$$;
