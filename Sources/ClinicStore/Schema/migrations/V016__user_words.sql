-- The words by which the staff find a user: of name, e-mail and phone number, in lower case. They are compared by bytes, so that
-- the index finds all that begin with a text in any locale. Filled for the users that there are.
create table clinic.user_word (
    word text collate "C" not null,
    user_id bigint not null references clinic.user_account on delete restrict,
    primary key (word, user_id)
);
create index user_word_of_user on clinic.user_word (user_id);
create trigger user_account_words after insert or update of first_name, last_name, email, phone, erased_at
    on clinic.user_account for each row execute function clinic.index_user();
insert into clinic.user_word (word, user_id)
select distinct word, id
from clinic.user_account, clinic.search_words(concat_ws(' ', first_name, last_name, email, phone, right(phone, 9))) as found (word)
where erased_at is null and word <> '';
