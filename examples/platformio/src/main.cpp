// Posts one message to an Azure IoT Hub every minute and prints the hub's answer: 204 is success.

#include <Arduino.h>
#include <HTTPClient.h>
#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <time.h>

#include "iothub_secrets.h"

void setup() {
  Serial.begin(115200);
  WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
  while (WiFi.status() != WL_CONNECTED) {
    delay(500);
  }
  // A certificate has dates, so the clock must be right before the first handshake.
  configTime(0, 0, "pool.ntp.org", "time.nist.gov");
  while (time(nullptr) < 1700000000) {
    delay(500);
  }
}

void loop() {
  WiFiClientSecure client;
  client.setCACert(IOT_HUB_ROOT_CA);
  HTTPClient https;
  if (https.begin(client, IOT_HUB_EVENTS_URL)) {
    https.addHeader("Authorization", SAS_TOKEN);
    https.addHeader("Content-Type", "application/json");
    Serial.println(https.POST("{\"temperature\": 24.5}"));
    https.end();
  }
  delay(60000);
}
