-- The words by which a text is found: in lower case, whole and in the parts between punctuation. A phone number is found by its
-- digits without what stands before them in one country only, a plus or zeros.
create or replace function clinic.search_words(p_text text) returns setof text language sql stable
    set search_path = pg_catalog, pg_temp as $$
    select distinct case when word ~ '^[+0-9]+$' then ltrim(word, '+0') else word end
    from regexp_split_to_table(lower(normalize(p_text)), '\s+') as token (whole),
        lateral (select whole union all select regexp_split_to_table(whole, '[^[:alnum:]]+')) as part (word)
    where word <> ''
$$;
