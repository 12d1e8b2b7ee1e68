package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     os.Getenv("ISSUER") + "/oauth/token",
		Scopes:       []string{"jobs:read"},
	}
	response, err := config.Client(context.Background()).Get(os.Getenv("API_URL") + "/jobs")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode)
}
