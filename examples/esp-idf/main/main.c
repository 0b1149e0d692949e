/* Posts one message to an Azure IoT Hub and logs the hub's answer: 204 is success. */

#include <string.h>
#include <time.h>

#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_netif_sntp.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"

#include "iothub.h"

static const char TAG[] = "iothub";
static const char BODY[] = "{\"temperature\": 24.5}";

static esp_err_t post_message(int *status)
{
    const esp_http_client_config_t config = {
        .url = iothub.events_url,
        .method = HTTP_METHOD_POST,
        .cert_pem = iothub.root_ca,
        /* The token goes out in one header line, which is longer than the default of 512 bytes may hold. */
        .buffer_size_tx = 2048,
    };
    esp_http_client_handle_t client = esp_http_client_init(&config);
    if (client == NULL) {
        return ESP_FAIL;
    }
    esp_http_client_set_header(client, "Authorization", iothub.sas_token);
    esp_http_client_set_header(client, "Content-Type", "application/json");
    esp_http_client_set_post_field(client, BODY, (int)strlen(BODY));
    esp_err_t error = esp_http_client_perform(client);
    *status = esp_http_client_get_status_code(client);
    esp_http_client_cleanup(client);
    return error;
}

void app_main(void)
{
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());

    /* A certificate has dates, so the clock must be right before the first handshake. */
    const esp_sntp_config_t sntp = ESP_NETIF_SNTP_DEFAULT_CONFIG("pool.ntp.org");
    ESP_ERROR_CHECK(esp_netif_sntp_init(&sntp));
    while (time(NULL) < 1700000000) {
        esp_netif_sntp_sync_wait(pdMS_TO_TICKS(1000));
    }
    if ((long long)time(NULL) >= iothub.sas_token_expiry) {
        ESP_LOGW(TAG, "the token has expired: build and flash again");
    }

    int status = 0;
    ESP_ERROR_CHECK(post_message(&status));
    ESP_LOGI(TAG, "%s posted, the hub answered %d", iothub.device, status);
}
