-- Trigger of user_account: keeps the words by which a user is found. Of a phone number the last nine digits are a word too, for who
-- does not know the code of the country. A user who is erased has none.
create or replace function clinic.index_user() returns trigger language plpgsql
    set search_path = pg_catalog, pg_temp as $$
begin
    delete from clinic.user_word where user_id = new.id;
    if new.erased_at is null then
        insert into clinic.user_word (word, user_id)
        select distinct word, new.id
        from clinic.search_words(concat_ws(' ', new.first_name, new.last_name, new.email, new.phone,
            right(new.phone, 9))) as found (word)
        where word <> '';
    end if;
    return null;
end
$$;
