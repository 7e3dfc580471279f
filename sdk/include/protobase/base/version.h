/* version.h - the release, the plugin ABI, and the few macros every header needs. */
#ifndef PROTOBASE_BASE_VERSION_H
#define PROTOBASE_BASE_VERSION_H

#define PBASE_VERSION_MAJOR 0
#define PBASE_VERSION_MINOR 1
#define PBASE_VERSION_PATCH 0
#define PBASE_VERSION_STRING "0.1.0"

/* Contract between the library and plugins. A plugin loads when its major equals ours and its minor
 * is not greater: slots and fields are only appended within a major. */
#define PBASE_ABI_MAJOR 0
#define PBASE_ABI_MINOR 1

#if defined(__GNUC__)
#define PBASE_API __attribute__((visibility("default")))
#define PBASE_MUST_CHECK __attribute__((warn_unused_result))
#define PBASE_PRINTF(format_index, first_index)                                                    \
    __attribute__((format(printf, format_index, first_index)))
#else
#define PBASE_API
#define PBASE_MUST_CHECK
#define PBASE_PRINTF(format_index, first_index)
#endif

#ifdef __cplusplus
#define PBASE_BEGIN_DECLS extern "C" {
#define PBASE_END_DECLS }
#else
#define PBASE_BEGIN_DECLS
#define PBASE_END_DECLS
#endif

/* True when a size-prefixed table or struct, as its author compiled it, reaches `field`. */
#define PBASE_HAS(object, field)                                                                   \
    ((object)->struct_size >= offsetof(__typeof__(*(object)), field) + sizeof((object)->field))

#endif
