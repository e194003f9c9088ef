-- What a new booking is shown with, or what it is refused for.
create type booking_terms as (
    refusal text, full_name text, department_id bigint, department_name text, first_name text, last_name text);
