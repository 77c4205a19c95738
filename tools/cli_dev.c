#include "tools/cli_dev.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

enum hufu_err cli_dev_open(const char *dir, struct cli_dev *out)
{
    char path[4096];
    json_t *root;
    FILE *file;
    int n = snprintf(path, sizeof(path), "%s/dev.json", dir);

    if (n < 0 || (size_t)n >= sizeof(path))
        return HUFU_IO;
    file = fopen(path, "re");
    if (file == NULL)
        return HUFU_IO;
    root = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
    (void)fclose(file);
    if (!json_is_object(root)) {
        json_decref(root);
        return HUFU_SYNTAX;
    }
    out->dir = dir;
    out->root = root;
    return HUFU_OK;
}

void cli_dev_close(struct cli_dev *dev)
{
    json_decref(dev->root);
    dev->root = NULL;
}

const char *cli_dev_text(const struct cli_dev *dev, const char *object, const char *member)
{
    json_t *at = dev->root;

    if (object != NULL)
        at = json_object_get(at, object);
    return json_string_value(json_object_get(at, member));
}

static bool has_domain(const json_t *partner, const char *domain)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(partner, "domains"), i,
                       item) if (json_is_string(item) &&
                                 strcmp(json_string_value(item), domain) == 0) return true;
    return false;
}

static bool is_named(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, "name"));

    return text != NULL && strcmp(text, name) == 0;
}

const char *cli_dev_partner(const struct cli_dev *dev, const char *name, const char *domain,
                            const char *member)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(dev->root, "partners"), i, item)
    {
        if (name != NULL && !is_named(item, name))
            continue;
        if (name == NULL && domain != NULL && !has_domain(item, domain))
            continue;
        return json_string_value(json_object_get(item, member));
    }
    return NULL;
}

bool cli_dev_has_user(const struct cli_dev *dev, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(dev->root, "users"), i,
                       item) if (is_named(item, name)) return true;
    return false;
}
