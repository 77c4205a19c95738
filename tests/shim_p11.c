/*
 * shim_p11.c - a PKCS#11 module that forwards to a real one and fails or dawdles on command.
 *
 * Built as a shared library; tests name it as the module. Environment:
 *   HUFU_SHIM_MODULE   path of the real module
 *   HUFU_SHIM_CONTROL  file read anew at each call, lines `function ckr skip count delay_ms`:
 *                      function a name or `*`; ckr the code to return instead of calling, in hex,
 *                      or `ok` to call; skip matching calls to let pass first; count how many it
 *                      then holds for, 0 for ever; delay_ms slept before. The first line that holds
 *                      decides. Counting starts again when the file changes. A function CKA_162,
 *                      with the type in hex, makes C_GetAttributeValue lie about that attribute:
 *                      its bytes, at most 32, are all the low byte of ckr.
 *   HUFU_SHIM_COUNTS   file to which each call's name is appended, one a line
 * Single-threaded, as the process it is for.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_LEN  4096
#define RULES_MAX 32

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST shim;
static char control_text[TEXT_LEN];
static unsigned long seen[RULES_MAX]; /* matching calls since the control file changed */

static void count_call(const char *name)
{
    const char *path = getenv("HUFU_SHIM_COUNTS");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    char line[64];
    int len = snprintf(line, sizeof(line), "%s\n", name);

    if (fd < 0)
        return;
    if (write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

static void control_read(void)
{
    const char *path = getenv("HUFU_SHIM_CONTROL");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char text[TEXT_LEN] = { 0 };

    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) < 0)
            abort();
        close(fd);
    }
    if (strcmp(text, control_text) == 0)
        return;
    memcpy(control_text, text, sizeof(text));
    memset(seen, 0, sizeof(seen));
}

static void dawdle(unsigned long delay_ms)
{
    struct timespec wait = { (time_t)(delay_ms / 1000), (long)(delay_ms % 1000) * 1000000L };

    if (delay_ms > 0)
        nanosleep(&wait, NULL);
}

/* Applies the rules; true where the call is not to be made and *rv is the answer. */
static bool is_faulty(const char *name, CK_RV *rv)
{
    const char *line;
    unsigned i = 0;

    count_call(name);
    control_read();
    for (line = control_text; line && *line != '\0' && i < RULES_MAX; i++) {
        char function[64], code[32];
        unsigned long skip = 0, count = 0, delay_ms = 0;
        int fields =
            sscanf(line, "%63s %31s %lu %lu %lu", function, code, &skip, &count, &delay_ms);

        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
        if (fields != 5 || (strcmp(function, "*") != 0 && strcmp(function, name) != 0))
            continue;
        seen[i]++;
        if (seen[i] <= skip || (count > 0 && seen[i] > skip + count))
            continue;
        dawdle(delay_ms);
        if (strcmp(code, "ok") == 0)
            return false;
        *rv = strtoul(code, NULL, 16);
        return true;
    }
    return false;
}

/* One attribute a call is what the process asks for; only then can it be lied about. */
static CK_RV shim_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                      CK_ATTRIBUTE_PTR attrs, CK_ULONG count)
{
    CK_RV rv = CKR_OK;
    char name[32];

    if (is_faulty("C_GetAttributeValue", &rv))
        return rv;
    snprintf(name, sizeof(name), "CKA_%lx", count == 1 ? attrs[0].type : 0);
    if (count != 1 || !attrs[0].pValue || !is_faulty(name, &rv))
        return real->C_GetAttributeValue(session, object, attrs, count);
    if (attrs[0].ulValueLen > 32)
        attrs[0].ulValueLen = 32;
    memset(attrs[0].pValue, (int)(rv & 0xff), attrs[0].ulValueLen);
    return CKR_OK;
}

/* clang-format off */
#define FORWARD(name, params, args)                     \
    static CK_RV shim_##name params                     \
    {                                                   \
        CK_RV rv = CKR_OK;                              \
                                                        \
        return is_faulty(#name, &rv) ? rv : real->name args; \
    }
/* A single-part function ends its operation also where it fails. */
#define FORWARD_LAST(name, params, args)                \
    static CK_RV shim_##name params                     \
    {                                                   \
        CK_RV rv = CKR_OK;                              \
        bool faulty = is_faulty(#name, &rv);            \
        CK_RV real_rv = real->name args;                \
                                                        \
        return faulty ? rv : real_rv;                   \
    }
#define FORWARDS(X)                                                                              \
    X(C_Initialize, (void *a), (a))                                                              \
    X(C_Finalize, (void *a), (a))                                                                \
    X(C_GetInfo, (CK_INFO_PTR a), (a))                                                           \
    X(C_GetSlotList, (CK_BBOOL a, CK_SLOT_ID_PTR b, CK_ULONG_PTR c), (a, b, c))                  \
    X(C_GetSlotInfo, (CK_SLOT_ID a, CK_SLOT_INFO_PTR b), (a, b))                                 \
    X(C_GetTokenInfo, (CK_SLOT_ID a, CK_TOKEN_INFO_PTR b), (a, b))                               \
    X(C_GetMechanismInfo, (CK_SLOT_ID a, CK_MECHANISM_TYPE b, CK_MECHANISM_INFO_PTR c), (a, b, c)) \
    X(C_OpenSession, (CK_SLOT_ID a, CK_FLAGS b, void *c, CK_NOTIFY d, CK_SESSION_HANDLE_PTR e),  \
      (a, b, c, d, e))                                                                           \
    X(C_CloseSession, (CK_SESSION_HANDLE a), (a))                                                \
    X(C_CloseAllSessions, (CK_SLOT_ID a), (a))                                                   \
    X(C_GetSessionInfo, (CK_SESSION_HANDLE a, CK_SESSION_INFO_PTR b), (a, b))                    \
    X(C_Login, (CK_SESSION_HANDLE a, CK_USER_TYPE b, CK_BYTE_PTR c, CK_ULONG d), (a, b, c, d))   \
    X(C_Logout, (CK_SESSION_HANDLE a), (a))                                                      \
    X(C_CreateObject, (CK_SESSION_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c,                      \
      CK_OBJECT_HANDLE_PTR d), (a, b, c, d))                                                     \
    X(C_DestroyObject, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), (a, b))                        \
    X(C_SetAttributeValue, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_PTR c,         \
      CK_ULONG d), (a, b, c, d))                                                                 \
    X(C_FindObjectsInit, (CK_SESSION_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (a, b, c))       \
    X(C_FindObjects, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE_PTR b, CK_ULONG c, CK_ULONG_PTR d),  \
      (a, b, c, d))                                                                              \
    X(C_FindObjectsFinal, (CK_SESSION_HANDLE a), (a))                                            \
    X(C_EncryptInit, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), (a, b, c))   \
    X(C_DecryptInit, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), (a, b, c))   \
    X(C_SignInit, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), (a, b, c))      \
    X(C_GenerateKey, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_ATTRIBUTE_PTR c, CK_ULONG d,   \
      CK_OBJECT_HANDLE_PTR e), (a, b, c, d, e))                                                  \
    X(C_GenerateKeyPair, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_ATTRIBUTE_PTR c,           \
      CK_ULONG d, CK_ATTRIBUTE_PTR e, CK_ULONG f, CK_OBJECT_HANDLE_PTR g,                        \
      CK_OBJECT_HANDLE_PTR h), (a, b, c, d, e, f, g, h))                                         \
    X(C_GenerateRandom, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c), (a, b, c))
#define FORWARDS_LAST(X) \
    X(C_Encrypt, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d,                 \
      CK_ULONG_PTR e), (a, b, c, d, e))                                                          \
    X(C_Decrypt, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d,                 \
      CK_ULONG_PTR e), (a, b, c, d, e))                                                          \
    X(C_Sign, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d, CK_ULONG_PTR e),   \
      (a, b, c, d, e))
FORWARDS(FORWARD)
FORWARDS_LAST(FORWARD_LAST)
#define INSTALL(name, params, args) shim.name = shim_##name;
/* clang-format on */

/* The real module once, with RTLD_NODELETE as the process under test has it. */
CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    const char *path = getenv("HUFU_SHIM_MODULE");
    void *library, *symbol;
    CK_C_GetFunctionList get = NULL;

    if (!real) {
        library = path ? dlopen(path, RTLD_NOW | RTLD_NODELETE) : NULL;
        symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
        if (!symbol)
            return CKR_GENERAL_ERROR;
        memcpy(&get, &symbol, sizeof(get));
        if (get(&real) != CKR_OK)
            return CKR_GENERAL_ERROR;
        shim = *real;
        shim.C_GetAttributeValue = shim_C_GetAttributeValue;
        FORWARDS(INSTALL)
        FORWARDS_LAST(INSTALL)
    }
    *list = &shim;
    return CKR_OK;
}
