-- The users of whom each word of a query begins a word of name, e-mail or phone number; at most eight words count.
create function users_found(p_query text) returns setof bigint language sql stable as $$
    with wanted as materialized (
        select word from clinic.search_words(p_query) as query (word) where word <> '' limit 8
    )
    select user_id
    from wanted join clinic.user_word as known
        on known.word >= wanted.word collate "C" and known.word < (wanted.word || chr(1114111)) collate "C"
    group by user_id
    having count(distinct wanted.word) = (select count(*) from wanted)
$$;
