/* The serializer raw keeps the contract. */
#include "raw_serializer.h"
#include "serializer_suite.h"

int main(void)
{
    static const serializer_subject subject = {
        .name = "raw",
        .open = raw_serializer_open,
        .kinds = 1u << PBASE_BYTES,
        .describes_itself = false,
    };
    return serializer_suite_run(&subject);
}
