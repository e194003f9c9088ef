-- Whether a locked patient may have p_wanted more open bookings, which are those that are yet to begin. p_limit is null for the
-- staff.
create function may_book_more(p_user bigint, p_wanted bigint, p_limit bigint) returns boolean language plpgsql stable as $$
begin
    return p_limit is null or p_wanted + (
        select count(*) from clinic.booking
        where user_id = p_user and start_time > statement_timestamp()
            and occupies_time_now(status, hold_expires_at, completed_at, end_time)) <= p_limit;
end
$$;
