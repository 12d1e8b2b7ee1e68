package client;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.web.client.RestClient;

/** A client with its stock configuration, which is in client.yaml. */
@SpringBootApplication
public class Client {

  public static void main(String[] args) {
    var application = new SpringApplication(Client.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    try (var context = application.run(args)) {
      var clients = new AuthorizedClientServiceOAuth2AuthorizedClientManager(
          context.getBean(ClientRegistrationRepository.class), context.getBean(OAuth2AuthorizedClientService.class));
      var client = clients.authorize(OAuth2AuthorizeRequest.withClientRegistrationId("lanyard").principal("client").build());
      var status = RestClient.create().get().uri(System.getenv("API_URL") + "/jobs")
          .headers((headers) -> headers.setBearerAuth(client.getAccessToken().getTokenValue()))
          .retrieve().toBodilessEntity().getStatusCode();
      System.out.println(status.value());
    }
  }
}
