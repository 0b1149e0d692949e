#include "iothub.h"

#include "iothub_secrets.h"

const struct iothub iothub = {
    .device = DEVICE_NAME,
    .events_url = IOT_HUB_EVENTS_URL,
    .sas_token = SAS_TOKEN,
    .sas_token_expiry = SAS_TOKEN_EXPIRY,
    .root_ca = IOT_HUB_ROOT_CA,
};
