/* The serializer msgpack keeps the contract. */
#include "msgpack_serializer.h"
#include "serializer_suite.h"

int main(void)
{
    static const serializer_subject subject = {
        .name = "msgpack",
        .open = msgpack_serializer_open,
        .kinds = SERIALIZER_KINDS_ALL,
        .describes_itself = true,
    };
    return serializer_suite_run(&subject);
}
