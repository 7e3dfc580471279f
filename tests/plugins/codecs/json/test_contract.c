/* The serializer json keeps the contract. */
#include "json_serializer.h"
#include "serializer_suite.h"

int main(void)
{
    static const serializer_subject subject = {
        .name = "json",
        .open = json_serializer_open,
        .kinds = SERIALIZER_KINDS_ALL,
        .describes_itself = true,
    };
    return serializer_suite_run(&subject);
}
