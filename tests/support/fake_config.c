#include "fake_config.h"

static const fake_option *option_of(const pbase_config *self, const char *key)
{
    const fake_config *config = (const fake_config *)self;
    const fake_option *found = NULL;
    for (size_t i = 0; i < config->count && found == NULL; i++) {
        if (strcmp(config->options[i].key, key) == 0) {
            found = &config->options[i];
        }
    }
    PBASE_ASSERT(found != NULL); /* every option that is asked for, the test gives */
    return found;
}

static bool get_bool(const pbase_config *self, const char *key)
{
    return option_of(self, key)->integer != 0;
}

static int64_t get_int(const pbase_config *self, const char *key)
{
    return option_of(self, key)->integer;
}

static double get_float(const pbase_config *self, const char *key)
{
    return option_of(self, key)->real;
}

static const char *get_text(const pbase_config *self, const char *key)
{
    return option_of(self, key)->text;
}

static size_t get_count(const pbase_config *self, const char *key)
{
    const fake_option *option = option_of(self, key);
    return option->items != NULL ? option->item_count : option->text != NULL ? 1 : 0;
}

static const char *get_item(const pbase_config *self, const char *key, size_t index)
{
    const fake_option *option = option_of(self, key);
    if (option->items != NULL) {
        return index < option->item_count ? option->items[index] : NULL;
    }
    return index == 0 ? option->text : NULL;
}

static bool is_set(const pbase_config *self, const char *key)
{
    return option_of(self, key) != NULL;
}

static const char *place(const pbase_config *self, const char *key)
{
    (void)self;
    (void)key;
    return "test.yaml:1:1";
}

void fake_config_init(fake_config *config, const fake_option *options, size_t count)
{
    static const pbase_config_vtable vtable = {
        .struct_size = sizeof(pbase_config_vtable),
        .get_bool = get_bool,
        .get_int = get_int,
        .get_float = get_float,
        .get_text = get_text,
        .get_count = get_count,
        .get_item = get_item,
        .is_set = is_set,
        .place = place,
    };
    config->base.vtable = &vtable;
    config->options = options;
    config->count = count;
}
