-- Addresses and the keys of departments were composed before they were put into lower case, and lower case can come apart
-- again. A row whose form is taken by another account keeps its own.
update clinic.user_account as account
    set email = normalize(email, nfc)
    where email is not nfc normalized
        and not exists (select from clinic.user_account where email = normalize(account.email, nfc));

update clinic.department as department
    set name_key = normalize(name_key, nfc)
    where name_key is not nfc normalized
        and not exists (
            select from clinic.department as other
            where other.name_key = normalize(department.name_key, nfc) and other.deleted_at is null
        );
